//! The presets: recipes that ship with the program.

/// Name and text of each preset, in the order of `fewshot recipes`.
const PRESETS: &[(&str, &str)] = &[
    ("quick", include_str!("../../../../recipes/quick.toml")),
    ("standard", include_str!("../../../../recipes/standard.toml")),
    ("paper", include_str!("../../../../recipes/paper.toml")),
    ("proof-of-concept-smoke", include_str!("../../../../recipes/proof-of-concept-smoke.toml")),
];

/// Names of all presets.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// The text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::*;

    #[test]
    fn every_preset_resolves() {
        for name in names() {
            Layers::preset(name).and_then(Layers::resolve).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
