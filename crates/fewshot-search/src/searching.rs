//! That strategies search: with their recommended settings all but Hyperband are better than random search on a landscape
//! with structure.

use super::testing::{check_search, mean_best};
use super::{Random, strategies};

#[test]
fn recommended_settings_find_better_networks_than_random_search() {
    let random = mean_best(&|region, seed| Ok(Box::new(Random::new(region, seed)?)));
    for info in strategies() {
        let why_not = match info.name {
            Random::NAME => "it is what the others are compared with",
            "hyperband" => "scores have no budget: a promoted network is evaluated again for what is known",
            "reinforce.published" => "a logit moves by 0.005 per score: after 300 it has hardly begun to choose",
            "tpe.published" => "four or five count as good, and each decision follows them by itself",
            "bohb.published" => "its bandwidths are so wide that candidates are all but random",
            "local.published" => "some 80 neighbours are looked at before every step",
            "lanas.published" => "a proposal need satisfy but one rule of its path, which nearly all networks do",
            _ => "",
        };
        if why_not.is_empty() {
            check_search(|region, seed| info.build(region, seed));
            continue;
        }
        let found = mean_best(&|region, seed| info.build(region, seed));
        assert!((found - random).abs() < 1.5, "{}: {found} against {random}, though {why_not}", info.name);
    }
}
