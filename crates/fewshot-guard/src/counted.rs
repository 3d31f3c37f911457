//! Counts in front of what is counted.

use std::fmt::Display;

/// `1 epoch`, `5 epochs`, `2 classes`, `1 000 images`: a count, however it is written, and what is counted, named as one of it.
///
/// ```
/// use fewshot_guard::counted;
/// assert_eq!(["1", "0", "1 001"].map(|count| counted(count, "held-out image")), [
///     "1 held-out image", "0 held-out images", "1 001 held-out images"
/// ]);
/// assert_eq!([counted(1, "class"), counted(3, "class"), counted(2, "batch")], ["1 class", "3 classes", "2 batches"]);
/// assert_eq!([counted(2, "day"), counted(2, "copy"), counted(5, "training epoch")], ["2 days", "2 copies", "5 training epochs"]);
/// ```
pub fn counted(count: impl Display, one: &str) -> String {
    let count = count.to_string();
    if count == "1" {
        return format!("{count} {one}");
    }
    let consonant = |c: char| !"aeiou".contains(c);
    match one.strip_suffix('y').filter(|stem| stem.ends_with(consonant)) {
        Some(stem) => format!("{count} {stem}ies"),
        // A `ch` that is spoken as a k.
        None if one.ends_with("epoch") => format!("{count} {one}s"),
        None if ["s", "x", "ch", "sh"].iter().any(|end| one.ends_with(end)) => format!("{count} {one}es"),
        None => format!("{count} {one}s"),
    }
}
