//! Lists of names within messages.

/// `a, b, c`, shortened after 20 entries: a thousand class names help nobody.
pub(crate) fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        text.push(format!(".. ({} in all)", names.len()));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}
