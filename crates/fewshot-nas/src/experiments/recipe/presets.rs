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
    ("mbconv-ofa-smoke", include_str!("../../../../../recipes/mbconv-ofa-smoke.toml")),
    ("mbconv-ofa-laptop", include_str!("../../../../../recipes/mbconv-ofa-laptop.toml")),
    ("mbconv-ofa-paper", include_str!("../../../../../recipes/mbconv-ofa-paper.toml")),
    ("mbconv-proxyless-smoke", include_str!("../../../../../recipes/mbconv-proxyless-smoke.toml")),
    ("mbconv-proxyless-laptop", include_str!("../../../../../recipes/mbconv-proxyless-laptop.toml")),
    ("mbconv-proxyless-paper", include_str!("../../../../../recipes/mbconv-proxyless-paper.toml")),
    ("mbconv-gates-smoke", include_str!("../../../../../recipes/mbconv-gates-smoke.toml")),
    ("mbconv-gates-laptop", include_str!("../../../../../recipes/mbconv-gates-laptop.toml")),
    ("mbconv-gates-paper", include_str!("../../../../../recipes/mbconv-gates-paper.toml")),
    ("autogan", include_str!("../../../../../recipes/autogan.toml")),
    ("autogan-smoke", include_str!("../../../../../recipes/autogan-smoke.toml")),
    ("autogan-laptop", include_str!("../../../../../recipes/autogan-laptop.toml")),
    ("autogan-paper", include_str!("../../../../../recipes/autogan-paper.toml")),
];

/// Comparisons of several runs: a name, and those of the comparisons that it stands for.
const SERIES: &[(&str, &[&str])] = &[("mbconv", &["mbconv-ofa", "mbconv-proxyless", "mbconv-gates"])];

/// The comparisons that `name` stands for, in their order; none where it is none of several runs.
pub fn series(name: &str) -> Option<&'static [&'static str]> {
    SERIES.iter().find(|(known, _)| *known == name).map(|(_, parts)| *parts)
}

/// Names of comparisons of several runs.
pub fn series_names() -> impl Iterator<Item = &'static str> {
    SERIES.iter().map(|(name, _)| *name)
}

/// Names of all presets.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// The text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
