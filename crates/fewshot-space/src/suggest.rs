//! "Did you mean ..?" for names that people type.

/// The candidate nearest to `name`, if one is near enough to be what was meant: at most a third of its characters
/// inserted, deleted, changed or swapped with a neighbour (but not all of them), or `name` being the start of it. Case is
/// ignored.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.trim().to_lowercase();
    let distance = |candidate: &str| match candidate.to_lowercase() {
        lower if lower == name => 0,
        lower if name.len() >= 3 && lower.starts_with(&name) => 1,
        lower => strsim::damerau_levenshtein(&name, &lower),
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|&(distance, candidate)| {
            let length = candidate.chars().count();
            distance <= length.div_ceil(3).min(length.saturating_sub(1))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The end of an error about an unknown name: which one was probably meant, or else which there are.
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match closest(name, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", candidates.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_listed() {
        let spaces = ["nasbench201", "cell1296"];
        assert_eq!(closest("nasbench2O1", spaces), Some("nasbench201"));
        assert_eq!(closest("NasBench", spaces), Some("nasbench201"));
        assert_eq!(closest("darts", spaces), None);
        assert_eq!(closest("", spaces), None);
        assert_eq!(closest("7", ["0", "1"]), None);
        assert_eq!(hint("darts", spaces), "there are: nasbench201, cell1296");
        assert_eq!(hint("cel1296", spaces), "did you mean `cell1296`?");
    }
}
