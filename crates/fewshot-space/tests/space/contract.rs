//! Every space holds to the contract, and the suite sees who does not. A new space adds one line.

use crate::toys::{self, Toy};
use crate::{cell, darts, nasbench, rng, stages};
use fewshot_space::{
    Arch, ArchError, AutoGanSkeleton, Cost, Decision, Graph, OfaMbv3Skeleton, ParseArchError, ProxylessSkeleton,
    Region, Space, testing,
};
use std::sync::Arc;

/// The suite, and what holds for every graph.
fn check_space(space: Arc<dyn Space>) {
    testing::check_space(space.clone());
    let whole = Region::full(space.clone());
    let mut rng = rng(0);
    for _ in 0..100 {
        let graph = space.graph(&whole.sample(&mut rng).expect("the whole space has members"));
        assert!(graph.live_convs() <= graph.live_ops());
        assert!(graph.live_nonlinear() <= graph.live_ops());
        assert!(graph.shortest_path() <= graph.longest_path());
        assert!(graph.longest_path() <= graph.live_nonlinear());
        assert_eq!(graph.is_dead(), graph.live().count() == 0 && graph.nodes() > 1);
    }
}

#[test]
fn nasbench201() {
    check_space(nasbench());
}

#[test]
fn cell1296() {
    check_space(cell());
}

#[test]
fn stages_of_blocks() {
    check_space(stages());
}

#[test]
fn darts_cells() {
    check_space(darts::space());
}

#[test]
fn lanas_cells() {
    check_space(darts::lanas());
}

#[test]
fn ofa_mbv3() {
    check_space(crate::ofa(OfaMbv3Skeleton::imagenet()));
    check_space(crate::ofa(OfaMbv3Skeleton::tiny()));
    check_space(crate::ofa(OfaMbv3Skeleton { width: 0.5, resolutions: vec![32], ..OfaMbv3Skeleton::imagenet() }));
}

#[test]
fn proxyless() {
    check_space(crate::proxyless(ProxylessSkeleton::imagenet()));
    check_space(crate::proxyless(ProxylessSkeleton::tiny()));
}

#[test]
fn autogan() {
    for level in 0..3 {
        check_space(crate::autogan(AutoGanSkeleton { level, ..AutoGanSkeleton::cifar10() }));
    }
}

#[test]
fn darts_cell_with_topology() {
    check_space(toys::darts(4));
}

#[test]
fn block_slots_that_go_inert_with_depth() {
    check_space(toys::mbconv(5, 4));
}

#[test]
fn fourteen_integers() {
    check_space(toys::autogan());
}

#[test]
fn conditions_on_conditions() {
    check_space(toys::nested());
}

/// A space with conditions on conditions, and one fault.
#[derive(Debug)]
struct Faulty {
    toy: Arc<Toy>,
    fault: Fault,
}

#[derive(Debug, PartialEq)]
enum Fault {
    Decisions,
    Cost,
    Text,
    Validity,
}

impl Space for Faulty {
    fn name(&self) -> &str {
        self.toy.name()
    }

    fn decisions(&self) -> &[Decision] {
        let decisions = self.toy.decisions();
        // Without the first one, conditions refer to others than they were made for.
        if self.fault == Fault::Decisions { &decisions[1..] } else { decisions }
    }

    fn graph(&self, arch: &Arch) -> Graph {
        self.toy.graph(arch)
    }

    fn cost(&self, arch: &Arch) -> Cost {
        let inert = if self.fault == Fault::Cost { arch.get(2) as u64 } else { 0 };
        self.toy.cost(arch) + Cost { macs: inert, params: 0 }
    }

    fn parse(&self, text: &str) -> Result<Arch, ParseArchError> {
        let arch = self.toy.parse(text)?;
        let misread = self.fault == Fault::Text && text.starts_with(' ');
        Ok(if misread { Arch::new(vec![0; 6]) } else { arch })
    }

    fn validate(&self, arch: &Arch) -> Result<(), ArchError> {
        if self.fault == Fault::Validity { Ok(()) } else { self.toy.validate(arch) }
    }
}

fn check_faulty(fault: Fault) {
    testing::check_space(Arc::new(Faulty { toy: toys::nested(), fault }));
}

#[test]
#[should_panic(expected = "depends on a later decision")]
fn a_condition_on_a_later_decision_is_seen() {
    check_faulty(Fault::Decisions);
}

#[test]
#[should_panic(expected = "an inert decision changes the cost")]
fn a_cost_of_what_is_inert_is_seen() {
    check_faulty(Fault::Cost);
}

#[test]
#[should_panic(expected = "blanks around")]
fn a_text_form_that_minds_blanks_is_seen() {
    check_faulty(Fault::Text);
}

#[test]
#[should_panic(expected = "too short")]
fn a_space_that_takes_any_architecture_is_seen() {
    check_faulty(Fault::Validity);
}
