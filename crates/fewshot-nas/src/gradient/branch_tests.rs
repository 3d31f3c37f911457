//! Searches of parts that go on from what a larger region has learnt, and what searches leave in the network.

use burn::tensor::Device;
use fewshot_space::{OptionSet, Region};

use super::darts::hypergradient;
use super::tests::{AT, alpha, batch, feeds, learner, space};
use super::*;
use crate::nets::{NamedValues, Net, NormMode};

/// Options of the first edge that the part has, and those of the second.
const PART: [&[usize]; 2] = [&[3], &[1, 4]];

fn settings(info: &MethodInfo, warm_up: u64, epochs: u64) -> MethodSettings {
    let mut settings = (info.published)();
    settings.train.epochs = epochs;
    settings.warm_up = WarmUp::Epochs(warm_up);
    (settings.updates, settings.candidates) = (1, 5);
    settings.arch.lr = 0.05;
    if let Some(gates) = &mut settings.gates {
        (gates.every, gates.rest) = (2, 0);
    }
    settings
}

fn region(parts: &[&[usize]]) -> Region {
    let restrict = |region: Region, (edge, options): (usize, &&[usize])| {
        region.restrict(edge, options.iter().copied().collect::<OptionSet>()).unwrap()
    };
    parts.iter().enumerate().fold(Region::full(space(28, 10)), restrict)
}

fn search(info: &MethodInfo, region: Region, settings: MethodSettings, seed: u64) -> GradientSearch {
    let net = Net::partial_supernet(space(28, 10), region, info.partial, &Device::flex(), seed).unwrap();
    GradientSearch::new(info, net, settings, NormMode::Batch, seed).unwrap()
}

/// A small region, which every method can list.
fn whole() -> Region {
    region(&[&[1, 3], &[1, 2, 4], &[0], &[1, 3], &[3], &[1, 2, 3]])
}

#[test]
fn a_part_goes_on_with_the_weights_statistics_and_alpha_of_the_whole() {
    for info in methods() {
        let mut parent = search(info, whole(), settings(info, 0, 2), 5);
        parent.run_until(1, &feeds(), &mut ()).unwrap();
        let theirs = parent.to_values().unwrap();
        let part = PART.iter().enumerate().fold(whole(), |region, (edge, options)| {
            region.restrict(edge, options.iter().copied().collect::<OptionSet>()).unwrap()
        });
        // Other draws, so that what is equal was taken over.
        let mut child = search(info, part.clone(), settings(info, 1, 3), 6);
        let fresh = child.branch(&theirs, parent.net().region(), 1).unwrap();
        let own = child.to_values().unwrap();
        let of_net = child.net().weights().to_values().unwrap();
        for (name, value) in &of_net {
            assert!(fresh.contains(name) || theirs[name] == *value, "{}: {name}", info.name);
        }
        // On partial channels the edge that the part has settled is wider, and nothing else.
        assert_eq!(fresh.is_empty(), info.partial == 1, "{}: {fresh:?}", info.name);
        assert!(fresh.len() < of_net.len() / 2);
        let is_moving = |name: &&String| name.ends_with(".running_mean") && !fresh.contains(name);
        assert!(of_net.keys().filter(is_moving).any(|name| theirs[name].data().iter().any(|mean| *mean != 0.0)));

        let zeros = usize::from((info.published)().none);
        let number = |values: &NamedValues, name: &str, place: usize| values[name].data()[place];
        if theirs.contains_key("alpha.e1") {
            // Of the options 1, 2 and 4 the part has the first and the last, behind the number for zeros.
            assert!(!own.contains_key("alpha.e0"), "{}: the split edge is settled", info.name);
            assert_eq!(own["alpha.e1"].data().len(), zeros + 2);
            for (place, their) in (0..zeros).map(|zero| (zero, zero)).chain([(zeros, zeros), (zeros + 1, zeros + 2)]) {
                let (own, their) = (number(&own, "alpha.e1", place), number(&theirs, "alpha.e1", their));
                assert_eq!(own, their, "{}", info.name);
            }
            assert_eq!(own["alpha.e5"], theirs["alpha.e5"], "{}", info.name);
        }
        if theirs.contains_key("controller.linear") {
            assert_eq!(own["controller.linear"], theirs["controller.linear"]);
        }
        // Optimizers start afresh: nothing of the velocities and moments of the whole.
        let of_optimizer =
            |name: &&String| !of_net.contains_key(*name) && !name.starts_with("alpha.e") && !name.starts_with("beta.");
        let moved: Vec<&String> =
            own.keys().filter(of_optimizer).filter(|name| !name.starts_with("controller.")).collect();
        assert!(moved.is_empty(), "{}: {moved:?}", info.name);
        assert_eq!((child.progress().epoch, child.progress().history.len()), (1, 0));

        // It runs the epochs behind the warm-up, and where it was cut it goes on.
        child.run_until(2, &feeds(), &mut ()).unwrap();
        let (values, progress) = (child.to_values().unwrap(), child.to_progress());
        child.run(&feeds(), &mut ()).unwrap();
        assert_eq!(child.progress().history.len(), 2, "{}", info.name);
        let mut again = search(info, part, settings(info, 1, 3), 6);
        again.restore(&values, progress).unwrap();
        again.run(&feeds(), &mut ()).unwrap();
        assert_eq!(again.to_values().unwrap(), child.to_values().unwrap(), "{}", info.name);
    }
}

#[test]
fn edge_weights_go_with_their_edges() {
    // Without a choice on edge 1 the second node has two edges, and the third three.
    let info = method("pc-darts-original").unwrap();
    let parent = search(info, region(&[]), settings(info, 1, 2), 5);
    let theirs = parent.to_values().unwrap();
    let mut child = search(info, region(&[&[0, 1, 2, 3, 4], &[3]]), settings(info, 1, 2), 6);
    child.branch(&theirs, parent.net().region(), 1).unwrap();
    let own = child.to_values().unwrap();
    let betas = |values: &NamedValues| {
        let rows = (0..3).filter_map(|index| values.get(&format!("beta.{index}")));
        rows.map(|row| row.data().to_vec()).collect::<Vec<_>>()
    };
    let (whole, part) = (betas(&theirs), betas(&own));
    // Edges 1 and 2 meet in the second node, 3, 4 and 5 in the third.
    assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(part, [whole[1].clone()]);
}

#[test]
fn a_warm_up_by_itself_and_the_rest_are_the_whole_search_bit_for_bit() {
    for name in ["proxyless", "proxyless-reinforce", "pc-darts-original"] {
        let info = method(name).unwrap();
        let mut uncut = search(info, whole(), settings(info, 1, 3), 5);
        uncut.run(&feeds(), &mut ()).unwrap();
        let mut warm_up = search(info, whole(), settings(info, 1, 3), 5);
        warm_up.run_until(1, &feeds(), &mut ()).unwrap();
        assert_eq!(warm_up.progress().history.len(), 1);
        let mut rest = search(info, whole(), settings(info, 1, 3), 5);
        rest.restore(&warm_up.to_values().unwrap(), warm_up.to_progress()).unwrap();
        rest.run(&feeds(), &mut ()).unwrap();
        assert_eq!(rest.to_values().unwrap(), uncut.to_values().unwrap(), "{name}");
        assert_eq!(rest.to_progress(), uncut.to_progress(), "{name}");
        // Two steps an epoch. Gates read with every second step behind the warm-up, others with every one.
        let read = if name == "pc-darts-original" { 4 } else { 2 };
        assert_eq!(serde_json::to_value(uncut.to_progress()).unwrap()["read"], read, "{name}");
    }
}

#[test]
fn the_warm_up_stays_as_long_as_it_is_however_long_the_method_runs() {
    let published = (method("proxyless").unwrap().published)();
    let mut settled = published.clone().settle_warm_up();
    settled.train.epochs = 280;
    assert_eq!((published.warm_up_epochs(), settled.warm_up_epochs()), (40, 40));
    // A part: 24 epochs behind a common warm-up, at the rates of gates.
    settled.train.epochs = 64;
    let rates = [40, 52].map(|epoch| settled.lr_at(epoch, 0, 10));
    assert!(rates.iter().zip([0.025, 0.0125]).all(|(a, b)| (a - b).abs() < 1e-9), "{rates:?}");
    let pc_darts = (method("pc-darts-original").unwrap().published)();
    assert_eq!(pc_darts.warm_up_epochs(), 15);
    let all = MethodSettings { warm_up: WarmUp::Epochs(50), ..pc_darts };
    assert!(all.check().unwrap_err().to_string().contains("warm_up = 50"));
}

#[test]
fn alpha_has_validation_batches_of_its_own_size() {
    let batch = |name: &str, held_out: usize| (method(name).unwrap().published)().held_out_batch(held_out);
    assert_eq!(batch("proxyless-reinforce", 50_000), 1000);
    assert_eq!(batch("proxyless-reinforce", 300), 300);
    assert_eq!(batch("proxyless", 50_000), 256);
    assert_eq!(batch("darts-v1", 50_000), 64);
    // Each tells what it costs: 300 steps an epoch of ten networks on 1,000 images.
    let info = method("proxyless-reinforce").unwrap();
    let mut settings = (info.published)().settle_warm_up();
    settings.train.epochs = 160;
    let search = search(info, whole(), settings, 5);
    let forward = ForwardMacs { mixed: 5.0, path: 1.0 };
    let images = 16.0 * 256.0 * 300.0;
    let of_alpha = search.method().epoch_macs(41, images, &forward) - search.method().epoch_macs(0, images, &forward);
    assert!((of_alpha / (300.0 * 10.0 * 1000.0) - 1.0).abs() < 1e-9, "{of_alpha}");
}

#[test]
fn the_second_order_leaves_running_statistics_where_a_pass_at_its_place_does() {
    let (mut second, mut plain) = (learner(1), learner(1));
    let (alpha, _) = alpha(&second.net, Rivals::default());
    let mix = alpha.relaxed(&alpha.values());
    for learner in [&mut second, &mut plain] {
        learner.descend_mixed(&batch(1), &mix, AT).unwrap();
    }
    hypergradient(&mut second, &alpha, &batch(1), &batch(2), AT).unwrap();
    plain.slopes(&batch(1), &mix, &[], true, AT).unwrap();
    assert_eq!(second.net.weights().to_values().unwrap(), plain.net.weights().to_values().unwrap());
}
