//! The presets: recipes that ship with the program.

/// Name and text of each preset, in the order of `fewshot recipes`.
const PRESETS: &[(&str, &str)] = &[
    ("images", include_str!("../../../../../recipes/images.toml")),
    ("quick", include_str!("../../../../../recipes/quick.toml")),
    ("standard", include_str!("../../../../../recipes/standard.toml")),
    ("paper", include_str!("../../../../../recipes/paper.toml")),
    ("cifar10-final", include_str!("../../../../../recipes/cifar10-final.toml")),
    ("cell1296-truth", include_str!("../../../../../recipes/cell1296-truth.toml")),
    ("proof-of-concept-smoke", include_str!("../../../../../recipes/proof-of-concept-smoke.toml")),
    ("proof-of-concept-laptop", include_str!("../../../../../recipes/proof-of-concept-laptop.toml")),
    ("transfer-laptop", include_str!("../../../../../recipes/transfer-laptop.toml")),
    ("ablation-laptop", include_str!("../../../../../recipes/ablation-laptop.toml")),
    ("narrow-laptop", include_str!("../../../../../recipes/narrow-laptop.toml")),
    ("tuned-laptop", include_str!("../../../../../recipes/tuned-laptop.toml")),
    ("nasbench201-laptop", include_str!("../../../../../recipes/nasbench201-laptop.toml")),
    ("nasbench201-deep-laptop", include_str!("../../../../../recipes/nasbench201-deep-laptop.toml")),
    ("nasbench201-tuned-laptop", include_str!("../../../../../recipes/nasbench201-tuned-laptop.toml")),
    ("nasbench201-paper", include_str!("../../../../../recipes/nasbench201-paper.toml")),
    ("nasbench201-faithful-laptop", include_str!("../../../../../recipes/nasbench201-faithful-laptop.toml")),
    ("nasbench201-faithful-paper", include_str!("../../../../../recipes/nasbench201-faithful-paper.toml")),
    ("splits-smoke", include_str!("../../../../../recipes/splits-smoke.toml")),
    ("splits-laptop", include_str!("../../../../../recipes/splits-laptop.toml")),
    ("splits-paper", include_str!("../../../../../recipes/splits-paper.toml")),
    ("strategies-smoke", include_str!("../../../../../recipes/strategies-smoke.toml")),
    ("strategies-laptop", include_str!("../../../../../recipes/strategies-laptop.toml")),
    ("strategies-paper", include_str!("../../../../../recipes/strategies-paper.toml")),
    ("ablation-nasbench201-laptop", include_str!("../../../../../recipes/ablation-nasbench201-laptop.toml")),
    ("gradient-smoke", include_str!("../../../../../recipes/gradient-smoke.toml")),
    ("gradient-laptop", include_str!("../../../../../recipes/gradient-laptop.toml")),
    ("gradient-paper", include_str!("../../../../../recipes/gradient-paper.toml")),
    ("cifar10-nasnet-smoke", include_str!("../../../../../recipes/cifar10-nasnet-smoke.toml")),
    ("cifar10-nasnet-laptop", include_str!("../../../../../recipes/cifar10-nasnet-laptop.toml")),
    ("cifar10-nasnet-paper", include_str!("../../../../../recipes/cifar10-nasnet-paper.toml")),
    ("autogan", include_str!("../../../../../recipes/autogan.toml")),
    ("autogan-smoke", include_str!("../../../../../recipes/autogan-smoke.toml")),
    ("autogan-laptop", include_str!("../../../../../recipes/autogan-laptop.toml")),
    ("autogan-paper", include_str!("../../../../../recipes/autogan-paper.toml")),
];

/// Names of all presets.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// The text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
