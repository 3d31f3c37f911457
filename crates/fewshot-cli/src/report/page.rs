//! The frame of the page, and the few elements that it is made of.

use fewshot_guard::printable;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

/// The look of the page, light and dark.
const STYLE: &str = include_str!("style.css");

/// A part of the page with a heading.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// What stands below it.
    pub body: Markup,
}

/// The whole page. It loads nothing: style and drawings are in it, and the policy in its head forbids the rest.
pub fn page(title: &str, place: &str, lead: &Markup, sections: &[Section]) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (title) " - " (place) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p.place { (place) }
                        h1 { (title) }
                        (lead)
                    }
                    @for section in sections {
                        section { h2 { (section.title) } (section.body) }
                    }
                    footer { "Written by fewshot " (env!("CARGO_PKG_VERSION")) "." }
                }
            }
        }
    };
    // Elements are escaped where they are put in; what would turn the text around, for the page as a whole.
    printable::lines(&markup.into_string()).into_owned()
}

/// Large numbers at the top: value and what it is.
pub fn tiles(tiles: &[(String, String)]) -> Markup {
    html! {
        ul.tiles {
            @for (value, what) in tiles { li { strong { (value) } span { (what) } } }
        }
    }
}

/// A drawing with its title above and a note below it.
pub fn figure(title: &str, note: &str, drawing: &Markup) -> Markup {
    html! {
        figure {
            figcaption { (title) }
            (drawing)
            @if !note.is_empty() { p.note { (note) } }
        }
    }
}

/// A PNG file as part of the page.
pub fn png(bytes: &[u8], what: &str) -> Markup {
    html! { img src={ "data:image/png;base64," (base64(bytes)) } alt=(what); }
}

/// Bytes as text (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let place = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[place as usize]) } else { '=' });
        }
    }
    text
}

/// Figures side by side where there is room.
pub fn figures(figures: &[Markup]) -> Markup {
    html! { div.figures { @for figure in figures { (figure) } } }
}

/// Pairs of a name and a value.
pub fn facts(facts: &[(&str, impl Render)]) -> Markup {
    html! {
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

/// A cell of a table.
pub struct Cell {
    content: Markup,
    class: &'static str,
}

impl Cell {
    /// A number, or another short content.
    pub fn new(content: impl maud::Render) -> Cell {
        Cell { content: content.render(), class: "" }
    }

    /// The best of its column.
    pub fn best(content: impl maud::Render) -> Cell {
        Cell { content: content.render(), class: "best" }
    }

    /// Words, which begin at the left.
    pub fn words(content: impl maud::Render) -> Cell {
        Cell { content: content.render(), class: "words" }
    }
}

/// A row of a table.
pub struct Row {
    /// Whether it is there to compare with.
    pub grey: bool,
    /// Its cells; the first is its heading.
    pub cells: Vec<Cell>,
}

/// A table that scrolls within its box where the screen is too narrow; its first column stays in sight.
pub fn table(head: &[&str], rows: &[Row]) -> Markup {
    let is_words = |column: usize| {
        let first = rows.first().and_then(|row| row.cells.get(column));
        first.is_some_and(|cell| cell.class == "words")
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr { @for (index, title) in head.iter().enumerate() { th.words[is_words(index)] scope="col" { (title) } } }
                }
                tbody {
                    @for row in rows {
                        tr.grey[row.grey] {
                            @for (index, cell) in row.cells.iter().enumerate() {
                                @if index == 0 { th scope="row" { (cell.content) } }
                                @else { td class=[Some(cell.class).filter(|class| !class.is_empty())] { (cell.content) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// An architecture's text, which may be broken after each node and operation.
pub fn arch(text: &str) -> Markup {
    html! {
        code.arch {
            @for piece in text.split_inclusive(['|', '+', ',']) { (piece) wbr; }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_nothing_is_loaded() {
        let section = Section { title: "One", body: facts(&[("a < b", html! { "c & d" })]) };
        let page = page("A <run>\u{202e}", "runs/\u{1b}x", &html! { p { "lead" } }, &[section]);
        assert!(page.contains("A &lt;run&gt;\\u{202e}") && page.contains("runs/\\u{1b}x"));
        assert!(page.contains("a &lt; b") && page.contains("c &amp; d"));
        for loading in ["src=", "href=", "url(", "@import", "<script", "://"] {
            assert!(!page.contains(loading), "{loading}");
        }
    }

    #[test]
    fn bytes_are_text_as_the_standard_says() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_long_architecture_can_be_broken() {
        assert_eq!(arch("|a~0|+|b~1|").0, "<code class=\"arch\">|<wbr>a~0|<wbr>+<wbr>|<wbr>b~1|<wbr></code>");
    }

    #[test]
    fn the_first_cell_of_a_row_is_its_heading() {
        let row = Row { grey: true, cells: vec![Cell::new("one"), Cell::best(2), Cell::words("a b")] };
        let table = table(&["name", "value", "text"], &[row]).0;
        let expected = "<th scope=\"row\">one</th><td class=\"best\">2</td><td class=\"words\">a b</td></tr>";
        assert!(table.contains(expected) && table.contains("<th class=\"words\" scope=\"col\">text</th>"), "{table}");
    }
}
