//! Monte Carlo tree search over learned splits of the space: LaNAS and LA-MCTS.

mod split;

use fewshot_space::{Arch, Region, RegionError};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use self::split::{Rule, clusters, ridge};
use super::modelled::{Known, Learner, neighbour};
use super::onehot::OneHot;

/// Candidates per tree, divided among its leaves.
const POOL: usize = 1_000;
/// Steps of a walk into a leaf for which no candidate is left.
const WALK: usize = 50;
/// Weight of the ridge.
const LAMBDA: f64 = 1.0;

/// How a node divides what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Splitter {
    /// LaNAS: by a linear regression of the score, at its mean prediction.
    Regression,
    /// LA-MCTS: by a linear support vector machine between two clusters of architecture and score.
    Clusters,
}

/// How often a node must have been visited before it counts as known, in the bound of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exploration {
    /// `sqrt(2 ln N / n)`
    Logarithm,
    /// `sqrt(2 sqrt(N) / n)`
    Root,
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// What a node holds is divided by predictions, as proposals are; a proposal satisfies every rule of its path.
    Repaired,
    /// As released: what a node holds is divided by its *true* scores, and a proposal need satisfy any one rule of its path.
    Published,
}

/// Latent action search. A tree divides the space into better and worse parts by rules learned from all scores; from the
/// root the child with the greater upper bound is entered, and an architecture drawn in the leaf:
///
/// ```text
/// mean + 2 c sqrt(2 ln N / n),    c = 0.1 * the greatest score
/// ```
///
/// with `N` visits of the parent and `n` of the child. `lanas` is LaNAS (Wang et al. 2019,
/// <https://arxiv.org/abs/1906.06832>) as repaired, `lanas.published` with the released rules, `lamcts` the general form
/// LA-MCTS (Wang, Fonseca and Tian 2020, <https://arxiv.org/abs/2007.00708>).
///
/// Of 1,000 candidates per tree each leaf gets those that its rules let in; where none is left, mutations lead from an
/// architecture of the leaf to another one. (Drawing until all rules of a path hold takes far longer.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Latent {
    /// Name of the strategy with these parameters.
    pub name: &'static str,
    /// Random architectures first.
    pub start: usize,
    /// Scores told between two trees.
    pub refit: usize,
    /// Levels of the tree, the root included.
    pub height: usize,
    /// Fewest architectures that a node divides.
    pub least: usize,
    pub splitter: Splitter,
    pub exploration: Exploration,
    pub rules: Rules,
}

impl Latent {
    /// LaNAS with its defects repaired.
    pub const LANAS: Latent = Latent {
        name: "lanas",
        start: 100,
        refit: 20,
        height: 5,
        least: 10,
        splitter: Splitter::Regression,
        exploration: Exploration::Logarithm,
        rules: Rules::Repaired,
    };

    /// LaNAS by the rules of its released one-shot search: one random architecture, a tree for every score, and
    /// [`Rules::Published`]. Its regressions are solved exactly, though: those of the release take 1,000 steps of 1e-5 per
    /// tree, with which predictions stay near 0 for hundreds of scores and the search is random.
    pub const PUBLISHED: Latent =
        Latent { name: "lanas.published", start: 1, refit: 1, least: 2, rules: Rules::Published, ..Latent::LANAS };

    /// LA-MCTS. Its leaves draw uniformly: the Gaussian process of the original is for boxes of real numbers.
    pub const LAMCTS: Latent = Latent {
        name: "lamcts",
        start: 40,
        refit: 20,
        height: 16,
        least: 20,
        splitter: Splitter::Clusters,
        exploration: Exploration::Root,
        rules: Rules::Repaired,
    };
}

/// A tree, the root first.
pub(super) struct Tree {
    onehot: OneHot,
    nodes: Vec<Node>,
    /// `0.1 * the greatest score`.
    exploration: f64,
}

struct Node {
    /// Scores in it, and proposals since.
    visits: f64,
    mean: f64,
    /// Positions of what was told in it.
    bag: Vec<usize>,
    /// The rule, and the children: its good and its bad side.
    split: Option<(Rule, [usize; 2])>,
    /// Candidates of a leaf.
    pool: Vec<Arch>,
}

impl Latent {
    /// The bound of a child's value.
    fn bound(&self, tree: &Tree, parent: f64, child: &Node) -> f64 {
        if child.visits == 0.0 {
            return f64::INFINITY;
        }
        let certainty = match self.exploration {
            Exploration::Logarithm => parent.ln(),
            Exploration::Root => parent.sqrt(),
        };
        child.mean + 2.0 * tree.exploration * (2.0 * certainty / child.visits).sqrt()
    }

    /// From the root to a leaf, counting the visit. Equal bounds are decided by chance.
    fn descend(&self, tree: &mut Tree, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut path = vec![0];
        let mut at = 0;
        while let Some((_, [good, bad])) = &tree.nodes[at].split {
            let parent = tree.nodes[at].visits;
            let [left, right] = [*good, *bad].map(|child| self.bound(tree, parent, &tree.nodes[child]));
            let first = if left == right { rng.random_bool(0.5) } else { left > right };
            at = if first { *good } else { *bad };
            path.push(at);
        }
        path.iter().for_each(|&at| tree.nodes[at].visits += 1.0);
        path
    }

    fn split(&self, tree: &mut Tree, at: usize, depth: usize, examples: &[Vec<usize>], scores: &[f64]) {
        let bag = &tree.nodes[at].bag;
        if depth + 1 >= self.height || bag.len() < self.least.max(2) {
            return;
        }
        let own: Vec<&[usize]> = bag.iter().map(|&told| examples[told].as_slice()).collect();
        let values: Vec<f64> = bag.iter().map(|&told| scores[told]).collect();
        let width = tree.onehot.width();
        let rule = match self.splitter {
            Splitter::Regression => Some(ridge(&own, &values, width, LAMBDA)),
            Splitter::Clusters => clusters(&own, &values, width),
        };
        let Some(rule) = rule else { return };
        let mean = tree.nodes[at].mean;
        let is_good = |told: &usize| match self.rules {
            Rules::Repaired => rule.value(&examples[*told]) >= 0.0,
            // The mean prediction is the mean score.
            Rules::Published => scores[*told] >= mean,
        };
        let (good, bad): (Vec<usize>, Vec<usize>) = bag.iter().copied().partition(is_good);
        if good.is_empty() || bad.is_empty() {
            return;
        }
        let children = [good, bad].map(|bag| {
            tree.nodes.push(node(bag, scores));
            tree.nodes.len() - 1
        });
        tree.nodes[at].split = Some((rule, children));
        children.into_iter().for_each(|child| self.split(tree, child, depth + 1, examples, scores));
    }
}

fn node(bag: Vec<usize>, scores: &[f64]) -> Node {
    let mean = bag.iter().map(|&told| scores[told]).sum::<f64>() / bag.len().max(1) as f64;
    Node { visits: bag.len() as f64, mean, bag, split: None, pool: Vec::new() }
}

impl Tree {
    /// How many rules of a path an architecture breaks.
    fn broken(&self, path: &[usize], columns: &[usize]) -> usize {
        let breaks = |step: &&[usize]| match &self.nodes[step[0]].split {
            Some((rule, [good, _])) => (rule.value(columns) >= 0.0) != (step[1] == *good),
            None => false,
        };
        path.windows(2).filter(breaks).count()
    }

    /// Whether an architecture may be proposed for the leaf at the end of a path.
    fn lets_in(&self, rules: Rules, path: &[usize], columns: &[usize]) -> bool {
        let broken = self.broken(path, columns);
        match rules {
            Rules::Repaired => broken == 0,
            Rules::Published => path.len() == 1 || broken < path.len() - 1,
        }
    }

    /// The leaf whose rules an architecture satisfies.
    fn leaf(&self, columns: &[usize]) -> usize {
        let mut at = 0;
        while let Some((rule, [good, bad])) = &self.nodes[at].split {
            at = if rule.value(columns) >= 0.0 { *good } else { *bad };
        }
        at
    }

    /// Mutations from one of the leaf's architectures until one is new and let in. A step may not break more rules than the
    /// one before.
    fn walk(
        &self,
        rules: Rules,
        path: &[usize],
        known: &Known<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<Arch>, RegionError> {
        let Some(bag) = path.last().map(|&leaf| &self.nodes[leaf].bag).filter(|bag| !bag.is_empty()) else {
            return Ok(None);
        };
        let mut arch = known.told[bag[rng.random_range(0..bag.len())]].arch.clone();
        let columns = |arch: &Arch| self.onehot.of(known.region, arch);
        let mut broken = self.broken(path, &columns(&arch));
        for _ in 0..WALK {
            let Some(next) = neighbour(known.region, &arch, rng)? else { break };
            let next_broken = self.broken(path, &columns(&next));
            if next_broken <= broken {
                (arch, broken) = (next, next_broken);
                if !known.contains(&arch) && self.lets_in(rules, path, &columns(&arch)) {
                    return Ok(Some(arch));
                }
            }
        }
        Ok(None)
    }
}

impl Learner for Latent {
    type Model = Tree;

    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self) -> usize {
        self.start
    }

    fn refit(&self) -> usize {
        self.refit
    }

    fn fit(&self, known: &Known<'_>, rng: &mut ChaCha8Rng) -> Result<Option<Tree>, RegionError> {
        let Some(scores) = known.scores() else { return Ok(None) };
        let region: &Region = known.region;
        let onehot = OneHot::new(region);
        let examples: Vec<Vec<usize>> = known.told.iter().map(|told| onehot.of(region, &told.arch)).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let root = node((0..scores.len()).collect(), &scores);
        let mut tree = Tree { onehot, nodes: vec![root], exploration: 0.1 * highest.abs() };
        self.split(&mut tree, 0, 0, &examples, &scores);
        // The released rules draw for each proposal until one is let in, nearly always at once.
        if self.rules == Rules::Repaired {
            for arch in known.candidates(POOL, rng)? {
                let leaf = tree.leaf(&tree.onehot.of(region, &arch));
                tree.nodes[leaf].pool.push(arch);
            }
        }
        Ok(Some(tree))
    }

    fn propose(&self, tree: &mut Tree, known: &Known<'_>, rng: &mut ChaCha8Rng) -> Result<Option<Arch>, RegionError> {
        let path = self.descend(tree, rng);
        if self.rules == Rules::Published {
            for _ in 0..WALK {
                let drawn = known.candidates(1, rng)?;
                if let Some(arch) = drawn.into_iter().next()
                    && tree.lets_in(self.rules, &path, &tree.onehot.of(known.region, &arch))
                {
                    return Ok(Some(arch));
                }
            }
            return tree.walk(self.rules, &path, known, rng);
        }
        let pool = path.last().map(|&leaf| &mut tree.nodes[leaf].pool);
        if let Some(pool) = pool.filter(|pool| !pool.is_empty()) {
            let at = rng.random_range(0..pool.len());
            return Ok(Some(pool.swap_remove(at)));
        }
        tree.walk(self.rules, &path, known, rng)
    }
}

#[cfg(test)]
mod tests {
    use fewshot_space::random::stream;

    use super::*;
    use crate::Strategy;
    use crate::modelled::Modelled;
    use crate::testing::landscape::{self, Chain};

    fn leaf(visits: f64, mean: f64) -> Node {
        Node { visits, mean, bag: vec![0], split: None, pool: Vec::new() }
    }

    fn tree(children: [Node; 2], exploration: f64) -> Tree {
        let rule = Rule { weights: vec![0.0; 3], bias: 1.0 };
        let visits = children[0].visits + children[1].visits;
        let root = Node { visits, mean: 0.0, bag: vec![], split: Some((rule, [1, 2])), pool: Vec::new() };
        let [good, bad] = children;
        Tree { onehot: OneHot::new(&Chain::region(2)), nodes: vec![root, good, bad], exploration }
    }

    #[test]
    fn the_bound_is_that_of_the_papers() {
        let small = tree([leaf(10.0, 60.0), leaf(90.0, 50.0)], 8.0);
        let logarithm = Latent::LANAS.bound(&small, 100.0, &small.nodes[1]);
        assert!((logarithm - (60.0 + 16.0 * (2.0 * 100_f64.ln() / 10.0).sqrt())).abs() < 1e-9);
        let root = Latent::LAMCTS.bound(&small, 100.0, &small.nodes[1]);
        assert!((root - (60.0 + 16.0 * 2_f64.sqrt())).abs() < 1e-9);
        assert_eq!(Latent::LANAS.bound(&small, 100.0, &leaf(0.0, 0.0)), f64::INFINITY);
    }

    #[test]
    fn visits_turn_the_search_to_what_is_less_known() {
        let mut small = tree([leaf(50.0, 60.0), leaf(50.0, 59.0)], 5.0);
        let mut rng = stream(1, "tree", 0, 0);
        let ends: Vec<usize> = (0..100).map(|_| Latent::LANAS.descend(&mut small, &mut rng)[1]).collect();
        assert_eq!(ends[0], 1);
        let other = ends.iter().filter(|&&end| end == 2).count();
        assert!((5..50).contains(&other), "{other}");
        assert_eq!(small.nodes[0].visits, 200.0);
    }

    #[test]
    fn released_rules_let_in_what_satisfies_any_one() {
        let mut small = tree([leaf(1.0, 1.0), leaf(1.0, 0.0)], 1.0);
        // The good child is divided by its first column.
        small.nodes[1].split = Some((Rule { weights: vec![2.0, 0.0, 0.0], bias: -1.0 }, [3, 4]));
        small.nodes.extend([leaf(1.0, 2.0), leaf(1.0, 0.0)]);
        let path = [0, 1, 3];
        assert_eq!((small.broken(&path, &[0]), small.broken(&path, &[1])), (0, 1));
        assert!(!small.lets_in(Rules::Repaired, &path, &[1]) && small.lets_in(Rules::Published, &path, &[1]));
        assert_eq!((small.leaf(&[0]), small.leaf(&[1])), (3, 4));
    }

    #[test]
    fn proposals_are_of_the_leaf_that_was_entered() {
        for latent in [Latent::LANAS, Latent::LAMCTS] {
            let mut search = Modelled::new(Chain::region(6), 4, latent).unwrap();
            for arch in search.ask(latent.start).unwrap() {
                search.tell(&arch, landscape::score(&arch));
            }
            search.ask(1).unwrap();
            search.with_model(|tree, known| {
                assert!(tree.nodes.len() > 4, "{} nodes", tree.nodes.len());
                let mut rng = stream(1, "tree", 1, 0);
                for _ in 0..50 {
                    let before: Vec<f64> = tree.nodes.iter().map(|node| node.visits).collect();
                    let arch = latent.propose(tree, known, &mut rng).unwrap().unwrap();
                    let entered = tree.nodes.iter().zip(before).rposition(|(node, before)| node.visits > before);
                    assert_eq!(Some(tree.leaf(&tree.onehot.of(known.region, &arch))), entered);
                }
            });
        }
    }
}
