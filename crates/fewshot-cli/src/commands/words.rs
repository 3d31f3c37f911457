//! How what a run left is written for people.

use std::path::Path;

use fewshot_guard::printable;

/// Lines of what something is and what there is to say of it, one below the other.
pub fn aligned(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(what, text)| format!("{what:<width$} {text}")).collect::<Vec<_>>().join("\n")
}

/// A path as it is shown to people, on one line.
pub fn shown(path: &Path) -> String {
    printable::line(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_one_below_the_other() {
        let rows = [("found", "a"), ("equal cost, seed 10", "b"), ("model", "c")];
        let text = aligned(&rows.map(|(what, text)| (what.to_string(), text.to_string())));
        assert_eq!(text, "found               a\nequal cost, seed 10 b\nmodel               c");
    }
}
