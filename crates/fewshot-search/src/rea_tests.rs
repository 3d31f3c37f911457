//! What makes regularized evolution what it is.

use fewshot_space::{Arch, Feature, Filter, Region};

use super::{Rea, ReaConfig, SearchError, Strategy};
use crate::testing::landscape::Chain;
use fewshot_rank::testing::space;

fn rea(population: usize, sample: usize) -> Rea {
    let config = ReaConfig { name: "rea", population, sample };
    Rea::new(Region::full(space()), 6, config).unwrap()
}

/// In how many decisions two architectures differ.
fn distance(a: &Arch, b: &Arch) -> usize {
    (a.options().iter().zip(b.options())).filter(|(a, b)| a != b).count()
}

fn alike(option: u8) -> Arch {
    Arch::new(vec![option; 6])
}

#[test]
fn begins_with_distinct_random_architectures() {
    let mut evolving = rea(40, 5);
    let mut first = evolving.ask(40).unwrap();
    for arch in &first {
        evolving.tell(arch, 0.0);
    }
    first.sort();
    first.dedup();
    assert_eq!(first.len(), 40);
    for child in evolving.ask(30).unwrap() {
        let nearest = first.iter().map(|parent| distance(parent, &child)).min();
        assert!(nearest <= Some(1), "{child:?} is nobody's child");
    }
}

#[test]
fn the_best_of_a_large_sample_is_the_parent_until_it_is_the_oldest() {
    let mut evolving = rea(3, 200);
    evolving.tell(&alike(0), 9.0);
    evolving.tell(&alike(1), 2.0);
    evolving.tell(&alike(2), 1.0);
    for child in evolving.ask(20).unwrap() {
        assert_eq!(distance(&child, &alike(0)), 1);
    }
    // The next one told makes the best the oldest, which leaves.
    evolving.tell(&alike(3), 0.5);
    for child in evolving.ask(20).unwrap() {
        assert_eq!(distance(&child, &alike(1)), 1);
    }
}

#[test]
fn failures_are_worse_than_any_score() {
    let mut evolving = rea(4, 200);
    evolving.tell(&alike(0), f64::NAN);
    evolving.tell(&alike(1), f64::INFINITY);
    evolving.tell(&alike(2), f64::MIN);
    evolving.tell(&alike(3), f64::NEG_INFINITY);
    for child in evolving.ask(20).unwrap() {
        assert_eq!(distance(&child, &alike(2)), 1);
    }
}

#[test]
fn a_sample_of_one_takes_any_member() {
    let mut evolving = rea(2, 1);
    evolving.tell(&alike(0), 9.0);
    evolving.tell(&alike(1), 1.0);
    let children = evolving.ask(200).unwrap();
    let of_worse = children.iter().filter(|child| distance(child, &alike(1)) == 1).count();
    assert!((70..=130).contains(&of_worse), "{of_worse} of 200");
}

#[test]
fn inert_decisions_of_a_told_architecture_do_not_matter() {
    let config = ReaConfig::DEFAULT;
    let states = [0, 3].map(|inert| {
        let mut evolving = Rea::new(Chain::region(3), 1, config).unwrap();
        evolving.tell(&Arch::new(vec![1, 2, inert, inert]), 1.0);
        evolving.state()
    });
    assert_eq!(states[0], states[1]);
}

#[test]
fn a_parent_without_neighbour_gives_way_to_a_random_member() {
    // Two edges may hold a convolution or nothing, and the cost is that of one convolution: the
    // two members differ on both edges.
    let mut region = Region::full(space());
    for decision in 0..6 {
        let options: &[usize] = if decision < 2 { &[0, 3] } else { &[0] };
        region = (region.restrict(decision, options.iter().copied().collect())).unwrap();
    }
    let members = [vec![0, 3, 0, 0, 0, 0], vec![3, 0, 0, 0, 0, 0]].map(Arch::new);
    let macs = space().cost(&members[0]).macs;
    let region = region.filtered(Filter { feature: Feature::Macs, min: macs, max: macs });
    let config = ReaConfig { population: 1, ..ReaConfig::DEFAULT };
    let mut evolving = Rea::new(region, 1, config).unwrap();
    evolving.tell(&members[0], 1.0);
    let mut asked = evolving.ask(10).unwrap();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, members);
}

#[test]
fn parameters_of_zero_are_refused() {
    for (population, sample, parameter) in [(0, 1, "population"), (1, 0, "sample")] {
        let config = ReaConfig { name: "rea", population, sample };
        let error = Rea::new(Region::full(space()), 6, config).err().unwrap();
        assert!(matches!(error, SearchError::Zero { .. }));
        assert_eq!(error.to_string(), format!("{parameter} of search strategy rea must be at least 1"));
    }
}
