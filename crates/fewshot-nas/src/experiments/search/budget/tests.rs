use std::time::Instant;

use burn::tensor::Device;
use fewshot_data::{Dataset, Shape};

use super::rates::Rates;
use super::*;
use crate::experiments::recipe::Layers;
use crate::lab::Images;
use crate::run::Interrupt;
use crate::stages::EpochSeconds;

/// A search on a hundred images, of which 20 are held out, under a budget of time.
fn lab(minutes: f64) -> Lab {
    let shape = Shape { height: 8, width: 8, channels: 1 };
    let images = |name: &str, count: usize| {
        let labels = (0..count).map(|index| (index % 2) as u32).collect();
        let pixels = (0..count * shape.bytes()).map(|at| (at % 251) as u8).collect();
        Dataset::new(name, shape, pixels, labels, vec!["a".into(), "b".into()]).unwrap()
    };
    let layers = Layers::preset("images").unwrap().set("budget.minutes", minutes).set("search.max_macs", 300_000);
    let recipe = layers.resolve().unwrap().into_inner().common;
    let images = Images::new(images("few", 100), images("few (test)", 20)).unwrap();
    Lab::open(recipe, Some(images), Device::flex(), &Interrupt::new()).unwrap()
}

/// What is planned where steps take so many seconds.
fn shared(lab: &Lab, step: f64) -> CommonRecipe {
    let passed = Passed { before: 0.0, on_clock: 0.0, at: Instant::now() };
    Planning::begin(lab).share(&Rates { alone: step, supernet: step }, &passed).unwrap()
}

#[test]
fn a_long_budget_on_few_images_chooses_no_more_epochs_than_help_and_tells_what_is_left() {
    // There would be time for half a million.
    let recipe = shared(&lab(20.0), 0.001);
    let train = &recipe.standalone.train;
    assert_eq!([recipe.supernet.epochs, recipe.children.epochs, train.epochs], [MOST_EPOCHS; 3]);
    // The rate falls in most of them: all 8 finalists are compared in the first 8 %.
    assert_eq!((recipe.search.finalists, train.hold), (8, 0.1));
    let plan = recipe.budget.plan.as_ref().unwrap();
    let told = plan.told.join("\n");
    assert!(told.contains("standalone.train.epochs is 2000, the most that a budget chooses"), "{told}");
    assert!(told.contains("of it will not be needed"), "{told}");
    // Two steps an epoch, of one millisecond each.
    assert!((plan.kept - 2000.0 * 0.002).abs() < 1e-9, "{}", plan.kept);
    assert!((plan.beside - 5.0 * 4.0).abs() < 1e-9, "three made by hand and two random ones: {}", plan.beside);
    // Where the time is what ends it, nothing is told.
    let recipe = shared(&lab(20.0), 1.0);
    assert!((1..MOST_EPOCHS).contains(&recipe.standalone.train.epochs));
    assert!(!recipe.budget.plan.unwrap().told.join("\n").contains("will not be needed"));
}

#[test]
fn an_epoch_takes_its_steps_be_the_last_one_full_or_not() {
    let lab = lab(20.0);
    // 80 images are a batch of 64 and one of 16, all 100 one of 64 and one of 36.
    assert_eq!((lab.search_images(), lab.training_images(), lab.recipe().supernet.batch), (80, 100, 64));
    let costs = Rates { alone: 1.0, supernet: 3.0 }.costs(&lab, lab.recipe()).unwrap();
    assert_eq!(costs.supernet_epoch, 6.0);
    assert_eq!(costs.alone_epoch, EpochSeconds { judged: 2.0, all: 2.0, kept: 2.0 });
    // A third of a step's time per image, on the 20 that are held out.
    assert!((costs.score - 6.0 / 80.0 / 3.0 * 20.0).abs() < 1e-12, "{}", costs.score);
}

#[test]
fn scores_are_on_as_many_images_as_there_is_time_for() {
    assert_eq!(fewer_images(480, SCORED.0), None);
    assert_eq!(fewer_images(480, SCORED.0 / 2.0), Some(240));
    assert_eq!(fewer_images(480, 0.1), Some(LEAST_SCORED_ON));
    assert_eq!(fewer_images(LEAST_SCORED_ON, 0.1), None);
}

#[test]
fn images_are_left_out_only_where_an_epoch_of_all_is_too_long() {
    assert_eq!(share_of(50_000, 1.2, 200), None);
    assert_eq!(share_of(50_000, 0.25, 200), Some(12_500));
    assert_eq!(share_of(50_000, 1e-9, 200), Some(200));
    assert_eq!(share_of(150, 0.1, 200), None);
}
