//! Text from files on its way to people and programs: what would act, or look like something else, is written as an escape.
//!
//! Class names, file names, columns, versions, recipes come from whoever made a file. Shown as they are, they could move the
//! cursor, forge a line of output, reverse the reading order, or be code where they are put into code. There is one function
//! for each place that text goes to, and all of them agree on which characters act.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character does something else than being seen: control characters, line and paragraph separators, marks that
/// change the reading order, and format characters that are invisible. Joiners, which scripts and emoji need, do not count.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` on one line: what acts, line breaks and tabs included, becomes `\n`, `\t`, `\u{1b}` and so on.
///
/// ```
/// use fewshot_guard::printable;
/// assert_eq!(printable::line("tabby cat"), "tabby cat");
/// assert_eq!(printable::line("\u{1b}[2Jcat\nfewshot: all is well"), "\\u{1b}[2Jcat\\nfewshot: all is well");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, acts)
}

/// [`line`] for text of many lines, whose line breaks and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) && !matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A string literal of Python whose value is `text`.
///
/// ```
/// use fewshot_guard::printable;
/// assert_eq!(printable::python("a \"b\" \\ \u{1b}"), r#""a \"b\" \\ \u001b""#);
/// ```
pub fn python(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if !acts(c) => write!(out, "{c}"),
            c if (c as u32) < 0x1_0000 => write!(out, "\\u{:04x}", c as u32),
            c => write!(out, "\\U{:08x}", c as u32),
        };
    }
    out.push('"');
    out
}

/// The same JSON `text` with nothing in it that acts: JSON leaves what is no ASCII control character as it is.
pub fn json(text: &str) -> Cow<'_, str> {
    // Outside of strings, where these are white space, line breaks and tabs may stand; in strings they are escaped already.
    let is_escaped = |c: char| acts(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !is_escaped(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character of each kind that acts.
    const ACTING: &str = "\0\u{7}\u{8}\r\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{e0041}";
    /// Text of people.
    const PLAIN: &str = "Vogel ü, кот, 猫, می\u{200c}خواهم, 👩\u{200d}🔬, a\\b \"c\" <d> 'e' #{}";

    #[test]
    fn what_acts_is_seen_and_nothing_else_is_changed() {
        assert!(matches!(line(PLAIN), Cow::Borrowed(text) if text == PLAIN));
        assert!(matches!(lines("a\n\tb"), Cow::Borrowed("a\n\tb")));
        assert_eq!(line("a\n\tb"), "a\\n\\tb");
        for c in ACTING.chars() {
            for shown in [line(&c.to_string()), lines(&c.to_string())] {
                assert!(shown.starts_with('\\') && shown.is_ascii() && !shown.contains(char::is_control), "{shown:?}");
            }
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = format!("{ACTING}{PLAIN}\n\t");
        let plain = serde_json::to_string_pretty(&[&value]).unwrap();
        let shown = json(&plain);
        assert!(!shown.contains(|c| acts(c) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [value]);
    }

    #[test]
    fn python_literals_hold_no_quote_that_ends_them() {
        let literal = python("\"\"\"\nimport os\u{202e}\u{e0041}\\");
        assert_eq!(literal, r#""\"\"\"\u000aimport os\u202e\U000e0041\\""#);
        assert_eq!(python("Vogel ü's"), "\"Vogel ü's\"");
    }
}
