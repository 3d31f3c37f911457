//! Paths of supernets, and networks alone.

use std::collections::BTreeSet;

use burn::tensor::Device;
use fewshot_space::darts::CellKind;
use fewshot_space::{Region, Space};

use super::{drawn, images, lanas, outline, plain, small};
use crate::graph::GraphBuilder;
use crate::mix::Path;
use crate::net::Net;
use crate::net_error::NetError;
use crate::op::Op;
use crate::pass::NormMode;
use crate::values::to_vec;

#[test]
fn sides_of_any_length_are_halved() {
    for image in [[32, 32], [9, 8], [7, 5], [2, 3]] {
        for skeleton in [small(image, 5), lanas(small(image, 5))] {
            let networks = plain(skeleton);
            let mut supernet = Net::supernet(networks.clone(), Region::full(networks.clone()), &Device::flex(), 1);
            for arch in drawn(&networks, 6) {
                let path = Path::Shared(arch.clone());
                let mut alone = Net::standalone(networks.clone(), &arch, &Device::flex(), 1).unwrap();
                for net in [&mut supernet, &mut alone] {
                    let logits = net.score(images(4, image), &path, NormMode::Batch, None).unwrap();
                    assert_eq!(logits.dims(), [4, 3]);
                    assert!(to_vec(&logits).iter().all(|logit| logit.is_finite()));
                }
            }
        }
    }
}

#[test]
fn a_path_of_a_supernet_is_the_network_of_its_operations() {
    for skeleton in [small([8, 8], 5), lanas(small([8, 8], 5))] {
        let networks = plain(skeleton);
        let mut supernet = Net::supernet(networks.clone(), Region::full(networks.clone()), &Device::flex(), 5);
        for arch in drawn(&networks, 12) {
            let single = Region::single(networks.clone(), &arch).unwrap();
            let (mut own, transfer) = supernet.child(single, 9).unwrap();
            assert!(transfer.fresh.is_empty(), "{:?}", transfer.fresh);
            let path = Path::Shared(arch.clone());
            let [a, b] = [&mut supernet, &mut own]
                .map(|net| to_vec(&net.score(images(4, [8, 8]), &path, NormMode::Batch, None).unwrap()));
            assert_eq!(a, b, "{}", networks.format(&arch));
        }
    }
}

#[test]
fn sharing_changes_no_bit() {
    let networks = plain(small([8, 8], 5));
    let mut net = Net::supernet(networks.clone(), Region::full(networks.clone()), &Device::flex(), 5);
    let mut paths: Vec<Path> = drawn(&networks, 10).into_iter().map(Path::Shared).collect();
    paths.push(Path::PerCell(drawn(&networks, 5)));
    let graph = net.shared([8, 8, 1], &paths).unwrap();
    let mut shared = vec![Vec::new(); paths.len()];
    net.score_shared(&graph, images(4, [8, 8]), NormMode::Batch, None, |place, logits| {
        shared[place] = to_vec(&logits);
        Ok::<_, NetError>(())
    })
    .unwrap();
    for (path, shared) in paths.iter().zip(shared) {
        let alone = net.score(images(4, [8, 8]), path, NormMode::Batch, None).unwrap();
        assert_eq!(to_vec(&alone), shared);
    }
}

/// Supernets have norms behind pools, and no norm in a cell is trained; networks alone have neither.
#[test]
fn pools_are_normed_in_supernets_alone() {
    let networks = plain(small([8, 8], 3));
    let arch = networks.parse("pc-darts").unwrap();
    let single = Region::single(networks.clone(), &arch).unwrap();
    let path = Path::Shared(arch.clone());
    let supernet = Net::supernet(networks.clone(), single, &Device::flex(), 0);
    let normed_pools = |net: &Net| {
        let graph = net.shared([8, 8, 1], std::slice::from_ref(&path)).unwrap();
        let nodes = &graph.graph().nodes;
        let is_pool = |&value: &usize| matches!(nodes[value].op, Op::AvgPool(_) | Op::MaxPool(_));
        nodes.iter().filter(|node| matches!(node.op, Op::BatchNorm(_)) && node.inputs.iter().any(is_pool)).count()
    };
    // An average pool in the normal cell, a max pool in each of the two reductions.
    assert_eq!((normed_pools(&supernet), normed_pools(&outline(&networks, &arch))), (3, 0));
    let in_cells = |net: &Net| {
        let trained = |name: &str| name.starts_with("cells.") && name.ends_with(".scale");
        net.weights().params().iter().any(|param| trained(&param.name))
    };
    assert_eq!((in_cells(&supernet), in_cells(&outline(&networks, &arch))), (false, true));
}

#[test]
fn a_weight_belongs_to_the_decision_of_its_edge() {
    let networks = plain(small([8, 8], 5));
    let net = Net::supernet(networks.clone(), Region::full(networks.clone()), &Device::flex(), 0);
    let mut seen = BTreeSet::new();
    for param in net.weights().params() {
        let mut parts = param.name.split('.');
        let (first, cell, edge) = (parts.next(), parts.next(), parts.next());
        let decision = param.decision.map(|decision| networks.decisions()[decision].name.as_str());
        let kind = match (first, cell) {
            (Some("cells"), Some("1" | "3")) => CellKind::Reduction,
            _ => CellKind::Normal,
        };
        let wanted = edge.filter(|edge| edge.contains('-')).map(|edge| format!("{kind}.{edge}"));
        assert_eq!(decision, wanted.as_deref(), "{}", param.name);
        seen.extend(decision.map(str::to_string));
    }
    // All edges of both kinds.
    assert_eq!(seen.len(), 28);
}

#[test]
fn what_depends_on_the_training_is_not_scored() {
    let switches = super::DartsSwitches { drop_path: 0.3, auxiliary: true, standardise: false };
    let networks = super::networks(small([32, 32], 3), switches);
    let arch = &drawn(&networks, 1)[0];
    let graph = outline(&networks, arch).shared([32, 32, 1], &[Path::Shared(arch.clone())]).unwrap();
    assert_eq!(graph.graph().roots.len(), 1);
    assert!(!graph.graph().nodes.iter().any(|node| matches!(node.op, Op::DropPath(_))));
    assert!(!GraphBuilder::new([32, 32, 1]).trains());
}

#[test]
fn a_deeper_child_starts_each_cell_as_the_one_at_its_place() {
    let of_depth = |cells| plain(small([8, 8], cells));
    // Reductions are cells 2 and 4 of six, 4 and 8 of twelve.
    let places = [0, 0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5];
    let parent = Net::supernet(of_depth(6), Region::full(of_depth(6)), &Device::flex(), 7);
    let (child, transfer) = parent.child_in(of_depth(12), Region::full(of_depth(12)), 8).unwrap();
    // Cell 2 is the third of its stage and stands for the second, which reads the stem; of the others that read other than what
    // they stand for, some are behind a reduction.
    assert!(transfer.fresh.iter().all(|name| name.contains(".input")), "{:?}", transfer.fresh);
    assert!(transfer.fresh.contains(&"cells.2.input0.weight".to_string()), "{:?}", transfer.fresh);
    let (ours, theirs) = (child.weights().to_values().unwrap(), parent.weights().to_values().unwrap());
    for (cell, place) in places.iter().enumerate() {
        let own = format!("cells.{cell}.");
        let of_cell: Vec<_> =
            ours.iter().filter(|(name, _)| name.starts_with(&own) && !transfer.fresh.contains(name)).collect();
        assert!(of_cell.len() >= 28);
        for (name, value) in of_cell {
            assert_eq!(value, &theirs[&name.replace(&own, &format!("cells.{place}."))], "{name}");
        }
    }
}
