//! What every space must hold to, as a suite that a space's own tests call, here and outside of this crate.
//!
//! ```
//! use fewshot_space::{nasbench201, testing};
//!
//! let space = nasbench201::nasbench201(nasbench201::default_skeleton());
//! testing::check_space(std::sync::Arc::new(space));
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::{Rng, RngExt};

use crate::{Arch, Feature, OptionSet, Partition, Region, RegionError, Space, random, suggest};

/// Architectures that [`check_space`] draws.
const DRAWN: usize = 100;

/// Checks the contract of [`Space`] on its decisions, on 100 architectures drawn from a fixed seed, on damaged texts of one of them,
/// and on the partitions that follow.
///
/// Takes a fraction of a second where graphs and costs are quick. A space whose decisions leave no choice has nothing to be searched
/// and does not pass.
///
/// # Panics
/// Saying what is wrong, when
/// - the space or a decision has no name, or one that texts cannot hold; two decisions, or two options of one, have the same name; a
///   decision has no option or more than an [`OptionSet`] holds; a condition refers to a later decision or can never hold;
/// - [`drawn_together`](Space::drawn_together) leaves a decision out or names it twice;
/// - an inert decision changes the canonical form, cost, graph, structure or [encoding](Space::encode), or encodings of two
///   architectures have different lengths or are equal;
/// - [`parse`](Space::parse) does not give back what [`format`](Space::format) wrote, with blanks around it or without; takes a damaged
///   text for an architecture that is not valid; or refuses one without naming the space, or with a column behind its end;
/// - [`validate`](Space::validate) lets an architecture pass that is too short or has an option that does not exist;
/// - a mutation, of the space's own or not, changes more or less than one decision that is active before and after, or a crossover
///   takes an option from neither parent;
/// - the architectures cannot be counted, or are listed out of order, twice, or in another form than the canonical one;
/// - a split by a decision or by a feature is no partition, or routes an architecture to a part that does not own it.
pub fn check_space(space: Arc<dyn Space>) {
    check_decisions(space.as_ref());
    let whole = Region::full(space.clone());
    let mut rng = random::stream(0, "testing/space", 0, 0);
    let archs: Vec<Arch> = (0..DRAWN).map(|_| whole.sample(&mut rng).expect("the whole space has members")).collect();
    for arch in &archs {
        check_arch(space.as_ref(), arch, &mut rng);
        check_variation(&whole, arch, &archs[0], &mut rng);
    }
    check_encodings(space.as_ref(), &archs);
    check_texts(space.as_ref(), &archs[0], &mut rng);
    check_listing(&whole);
    check_splits(&whole, &archs);
}

fn check_encodings(space: &dyn Space, archs: &[Arch]) {
    let encoded: Vec<Vec<f32>> = archs.iter().map(|arch| space.encode(arch)).collect();
    assert!(encoded.iter().all(|numbers| numbers.len() == encoded[0].len()), "encodings have one length");
    for (one, other) in (0..archs.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
        let (first, second) = (&archs[one], &archs[other]);
        assert_eq!(first == second, encoded[one] == encoded[other], "encodings of {first:?} and {second:?}");
    }
}

/// Whether a decision matters, by following its chain of conditions to the end: not how [`Space::active`] does it.
fn is_active(space: &dyn Space, arch: &Arch, decision: usize) -> bool {
    let Some(condition) = space.decisions()[decision].active_if else { return true };
    condition.options.contains(arch.get(condition.decision)) && is_active(space, arch, condition.decision)
}

fn check_decisions(space: &dyn Space) {
    let decisions = space.decisions();
    assert!(!space.name().is_empty(), "the space has no name");
    assert!(!decisions.is_empty(), "there is nothing to decide");
    let names: BTreeSet<&str> = decisions.iter().map(|decision| decision.name.as_str()).collect();
    assert_eq!(names.len(), decisions.len(), "two decisions have one name");
    let mut together: Vec<usize> = space.drawn_together().concat();
    together.sort_unstable();
    assert_eq!(together, (0..decisions.len()).collect::<Vec<_>>(), "every decision is drawn with one group");
    for (index, decision) in decisions.iter().enumerate() {
        let name = &decision.name;
        assert!(!name.is_empty() && !name.contains([',', '=', ' ']), "decision name `{name}`");
        let options: BTreeSet<&String> = decision.options.iter().collect();
        assert_eq!(options.len(), decision.options.len(), "two options of {name} have one name");
        assert!((1..=OptionSet::CAPACITY).contains(&options.len()), "{name} has {} options", options.len());
        assert_eq!(suggest::closest(name, names.iter().copied()), Some(name.as_str()));
        if let Some(condition) = decision.active_if {
            assert!(condition.decision < index, "{name} depends on a later decision");
            let options = decisions[condition.decision].option_set();
            assert!(
                !condition.options.is_empty() && condition.options.is_subset(options),
                "{name} has a vain condition"
            );
        }
    }
}

fn check_arch(space: &dyn Space, arch: &Arch, rng: &mut impl Rng) {
    assert_eq!(space.validate(arch), Ok(()));
    assert_eq!(space.canonical(arch), *arch, "a drawn architecture is canonical");
    let active = space.active(arch);
    assert!((0..active.len()).all(|decision| active[decision] == is_active(space, arch, decision)));

    // Inert decisions change nothing.
    let noisy: Vec<u8> = (0..active.len())
        .map(|index| match active[index] {
            true => arch.options()[index],
            false => rng.random_range(0..space.decisions()[index].options.len()) as u8,
        })
        .collect();
    let noisy = Arch::new(noisy);
    assert_eq!(space.canonical(&noisy), *arch, "the canonical form of {noisy:?}");
    assert_eq!(space.cost(&noisy), space.cost(arch), "an inert decision changes the cost of {noisy:?}");
    assert_eq!(space.graph(&noisy), space.graph(arch), "an inert decision changes the graph of {noisy:?}");
    assert_eq!(space.structure(&noisy), space.structure(arch), "an inert decision changes what {noisy:?} computes");
    assert_eq!(space.encode(&noisy), space.encode(arch), "an inert decision changes the encoding of {noisy:?}");

    let text = space.format(&noisy);
    assert_eq!(space.parse(&text).as_ref(), Ok(arch), "{text}");
    assert_eq!(space.parse(&format!("  {text}\n")).as_ref(), Ok(arch), "blanks around {text}");

    let mut short = arch.options().to_vec();
    short.pop();
    assert!(space.validate(&Arch::new(short)).is_err(), "an architecture that is too short is taken for valid");
    let mut wild = arch.options().to_vec();
    wild[0] = space.decisions()[0].options.len() as u8;
    let error = space.validate(&Arch::new(wild)).expect_err("there is no such option").to_string();
    assert!(error.contains(space.name()) && error.contains(&space.decisions()[0].name), "{error}");
}

fn check_variation(whole: &Region, arch: &Arch, other: &Arch, rng: &mut impl Rng) {
    let space = whole.space();
    let child = whole.mutate(arch, rng).expect("some decision has a choice");
    let (before, after) = (space.active(arch), space.active(&child));
    let changed =
        (0..before.len()).filter(|&index| before[index] && after[index] && child.get(index) != arch.get(index)).count();
    assert_eq!(changed, 1, "{arch:?} became {child:?}");
    assert!(whole.contains(&child) && space.canonical(&child) == child);

    let child = whole.crossover(arch, other, rng).expect("both are members");
    assert!(whole.contains(&child) && space.canonical(&child) == child);
    let from =
        |parent: &Arch, index: usize| is_active(space.as_ref(), parent, index) && parent.get(index) == child.get(index);
    for index in 0..before.len() {
        assert!(!is_active(space.as_ref(), &child, index) || from(arch, index) || from(other, index));
    }
}

/// Damaged texts are refused or read as something valid, but never a panic.
fn check_texts(space: &dyn Space, arch: &Arch, rng: &mut impl Rng) {
    let text = space.format(arch);
    let mut damaged = vec![String::new(), " ".into(), "\u{e9}\u{1f600}".into(), format!("{text}{text}")];
    damaged.extend((0..text.len()).map(|end| text[..end].to_string()));
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = b"|~+=,'([ x0\n"[rng.random_range(0..12)];
        damaged.extend(String::from_utf8(bytes));
    }
    let mut refused = 0;
    for text in damaged {
        match space.parse(&text) {
            Ok(arch) => assert_eq!(space.validate(&arch), Ok(()), "{text}"),
            Err(error) => {
                refused += 1;
                assert!(error.column <= text.chars().count() + 1, "{error}");
                assert!(error.to_string().contains(space.name()), "{error}");
            }
        }
    }
    assert!(refused > text.len(), "hardly any damage was noticed");
}

fn check_listing(whole: &Region) {
    let size = whole.size().expect("the space can be counted");
    let listed: Vec<Arch> = whole.iter().take(2000).collect();
    assert_eq!(listed.len() as u128, size.min(2000));
    assert!(listed.is_sorted_by(|a, b| a < b), "the list ascends without repetition");
    assert!(listed.iter().all(|arch| whole.contains(arch) && whole.space().canonical(arch) == *arch));
}

fn check_splits(whole: &Region, archs: &[Arch]) {
    for (index, decision) in whole.space().decisions().iter().enumerate() {
        let parts = match whole.split(&[index]) {
            Ok(parts) => parts,
            Err(RegionError::MayBeInert { .. }) if decision.active_if.is_some() => continue,
            Err(error) => panic!("{error}"),
        };
        let partition = Partition::new(whole.clone(), parts).expect("a split gives a partition");
        for arch in archs {
            assert_eq!(partition.route(arch), Some(arch.get(index)));
            assert_eq!(whole.space().decisions()[index].options.len(), partition.regions().len());
        }
    }
    for feature in Feature::ALL {
        let mut values: Vec<u64> = archs.iter().map(|arch| feature.of(whole.space().as_ref(), arch)).collect();
        values.sort_unstable();
        let middle = values[values.len() / 2].max(1);
        let parts = whole.split_by(feature, &[middle]).expect("one positive bound");
        let partition = Partition::new(whole.clone(), parts).expect("a split gives a partition");
        for arch in archs {
            let high = feature.of(whole.space().as_ref(), arch) >= middle;
            assert_eq!(partition.route(arch), Some(high.into()));
        }
    }
}
