//! A random forest over architectures, with the spread between its trees.
//!
//! Of our own, because SMAC needs what each tree says, and its trees split options as categories: the forests of the kept
//! crates (smartcore 0.4) give the mean of all trees only and split numbers by thresholds.

use fewshot_space::{Arch, Region};
use rand::RngExt;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// Trees.
const TREES: usize = 10;
/// Share of the decisions that a split may look at.
const DECISIONS: f64 = 5.0 / 6.0;
/// Fewest examples that are split further.
const SPLIT: usize = 3;
/// Most splits from root to leaf.
const DEPTH: usize = 20;
/// Regression trees on bootstrap samples (Breiman 2001), each split asking whether a decision takes one certain option.
#[derive(Debug)]
pub(super) struct Forest {
    trees: Vec<Vec<Node>>,
}

/// A node of a tree; the root is the first.
#[derive(Debug)]
enum Node {
    Leaf { mean: f64 },
    Split { decision: usize, option: u8, yes: usize, no: usize },
}

/// The options of an architecture; that a decision is inactive counts as one more option of it.
pub(super) fn features(region: &Region, arch: &Arch) -> Vec<u8> {
    let active = region.space().active(arch).into_iter();
    let options = arch.options().iter().zip(region.space().decisions()).zip(active);
    options.map(|((&option, decision), active)| if active { option } else { decision.options.len() as u8 }).collect()
}

/// What a forest is made of.
struct Examples<'a> {
    features: &'a [Vec<u8>],
    values: &'a [f64],
    /// One more than the largest option of each decision.
    widths: Vec<usize>,
}

impl<'a> Examples<'a> {
    fn new(features: &'a [Vec<u8>], values: &'a [f64]) -> Examples<'a> {
        let decisions = features.first().map_or(0, Vec::len);
        let width = |decision: usize| features.iter().map(|of| usize::from(of[decision]) + 1).max().unwrap_or(0);
        Examples { features, values, widths: (0..decisions).map(width).collect() }
    }
}

impl Forest {
    /// From at least one example: what [`features`] gives, and the value of each.
    pub fn fit(features: &[Vec<u8>], values: &[f64], rng: &mut ChaCha8Rng) -> Forest {
        let examples = Examples::new(features, values);
        let tree = |_| {
            let sample = (0..features.len()).map(|_| rng.random_range(0..features.len())).collect();
            let mut nodes = Vec::new();
            grow(&mut nodes, &examples, sample, 0, rng);
            nodes
        };
        Forest { trees: (0..TREES).map(tree).collect() }
    }

    /// Mean and standard deviation of what the trees say.
    pub fn predict(&self, features: &[u8]) -> (f64, f64) {
        let count = self.trees.len() as f64;
        let said: Vec<f64> = self.trees.iter().map(|tree| leaf(tree, features)).collect();
        let mean = said.iter().sum::<f64>() / count;
        let variance = said.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

fn leaf(tree: &[Node], features: &[u8]) -> f64 {
    let mut at = 0;
    loop {
        match &tree[at] {
            Node::Leaf { mean } => return *mean,
            Node::Split { decision, option, yes, no } => at = if features[*decision] == *option { *yes } else { *no },
        }
    }
}

/// Grows the tree of a sample; the index of its root.
fn grow(nodes: &mut Vec<Node>, of: &Examples<'_>, sample: Vec<usize>, depth: usize, rng: &mut ChaCha8Rng) -> usize {
    let mean = sample.iter().map(|&at| of.values[at]).sum::<f64>() / sample.len().max(1) as f64;
    nodes.push(Node::Leaf { mean });
    let own = nodes.len() - 1;
    if sample.len() < SPLIT || depth == DEPTH {
        return own;
    }
    let decisions = of.widths.len();
    let looked = (decisions as f64 * DECISIONS).ceil() as usize;
    let best = (index::sample(rng, decisions, looked.min(decisions)).into_iter())
        .filter_map(|decision| {
            let (option, gain) = best_option(of, &sample, decision)?;
            Some((gain, decision, option))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then((b.1, b.2).cmp(&(a.1, a.2))));
    if let Some((_, decision, option)) = best {
        let (yes, no) = sample.into_iter().partition(|&at: &usize| of.features[at][decision] == option);
        let yes = grow(nodes, of, yes, depth + 1, rng);
        let no = grow(nodes, of, no, depth + 1, rng);
        nodes[own] = Node::Split { decision, option, yes, no };
    }
    own
}

/// The option of a decision that, set apart from the others, takes most from the sum of squares, and how much; `None` where
/// no split takes anything.
fn best_option(of: &Examples<'_>, sample: &[usize], decision: usize) -> Option<(u8, f64)> {
    let mut options = vec![(0.0_f64, 0.0_f64); of.widths[decision]];
    let mut squares = 0.0;
    for &at in sample {
        let (count, sum) = &mut options[usize::from(of.features[at][decision])];
        *count += 1.0;
        *sum += of.values[at];
        squares += of.values[at] * of.values[at];
    }
    let (count, sum) = (sample.len() as f64, options.iter().map(|(_, sum)| sum).sum::<f64>());
    let gain = |&(yes, own): &(f64, f64)| {
        let no = count - yes;
        (yes > 0.0 && no > 0.0).then(|| own * own / yes + (sum - own) * (sum - own) / no - sum * sum / count)
    };
    let gains = options.iter().enumerate().filter_map(|(option, of)| Some((option as u8, gain(of)?)));
    // Rounding must not split what is all the same.
    gains.filter(|(_, gain)| *gain > 1e-12 * squares).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

#[cfg(test)]
mod tests {
    use fewshot_space::random::stream;

    use super::*;

    #[test]
    fn the_best_split_takes_most_from_the_sum_of_squares() {
        let features = [[0_u8], [0], [1], [1], [2], [2]].map(Vec::from);
        let values = [1.0, 3.0, 2.0, 2.0, 10.0, 12.0];
        let examples = Examples::new(&features, &values);
        // Squares around the mean of 5 sum to 112; with option 2 apart they sum to 2 and 2.
        let (option, gain) = best_option(&examples, &[0, 1, 2, 3, 4, 5], 0).unwrap();
        assert_eq!(option, 2);
        assert!((gain - (112.0 - 4.0)).abs() < 1e-9, "{gain}");
        assert_eq!(best_option(&Examples::new(&features, &[5.1; 6]), &[0, 1, 2], 0), None);
        assert_eq!(best_option(&examples, &[4, 5], 0), None);
    }

    #[test]
    fn a_function_of_few_decisions_is_learned_and_unseen_places_are_less_certain() {
        let value =
            |features: &[u8]| f64::from(u8::from(features[0] == 1)) * 4.0 + f64::from(u8::from(features[2] == 0));
        let features = |index: usize| vec![(index % 3) as u8, (index / 3 % 3) as u8, (index / 9 % 2) as u8];
        let all: Vec<Vec<u8>> = (0..18).map(features).collect();
        let examples: Vec<Vec<u8>> = all.iter().cycle().take(72).cloned().collect();
        let values: Vec<f64> = examples.iter().map(|features| value(features)).collect();
        let forest = Forest::fit(&examples, &values, &mut stream(1, "forest", 0, 0));
        for features in &all {
            let (mean, deviation) = forest.predict(features);
            assert!((mean - value(features)).abs() < 0.5 && deviation < 1.0, "{features:?}: {mean} ± {deviation}");
        }
        // Two values are known of one option each: the trees do not agree on others.
        let few = Forest::fit(&[vec![0, 0], vec![1, 0], vec![2, 1]], &[0.0, 1.0, 9.0], &mut stream(1, "forest", 0, 0));
        assert!(few.predict(&[1, 1]).1 > 0.0);
    }
}
