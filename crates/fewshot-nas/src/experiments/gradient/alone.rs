//! What was found and random networks, trained alone by one recipe and tested. Nothing is chosen any more.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fewshot_space::Arch;

use super::recipe::AloneRecipe;
use super::result::NetworkRow;
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::recipe::{CommonRecipe, DataRecipe};
use crate::run::{Counter, StageContext};
use crate::stages::{Phase, Piecework, side_by_side, steps_done, train_in};

/// The lab in which networks are trained alone: its training images are changed as the recipe says of them.
///
/// # Errors
/// When the lab cannot be laid out anew.
pub fn lab(lab: &Lab, recipe: &AloneRecipe) -> Result<Lab, ExperimentError> {
    let AloneRecipe { cutout, auto_augment } = recipe.clone();
    let data = DataRecipe { cutout, auto_augment, ..lab.recipe().data.clone() };
    lab.again(CommonRecipe { data, ..lab.recipe().clone() })
}

/// An architecture, and which of the run's seeds it is trained with.
pub struct Network {
    /// The architecture.
    pub arch: Arch,
    /// Which seed, from 0.
    pub repetition: u64,
}

/// Random networks to compare with, their seeds in turn.
///
/// # Errors
/// When nothing can be drawn.
pub fn randoms(lab: &Lab) -> Result<Vec<Network>, ExperimentError> {
    let seeds = lab.recipe().ranking.seeds;
    let drawn = lab.random_archs("random networks", lab.recipe().standalone.randoms)?;
    Ok((0..).zip(drawn).map(|(index, arch)| Network { arch, repetition: index % seeds }).collect())
}

/// Trains and tests them, side by side; networks of one function with one seed are trained once.
///
/// # Errors
/// When a training fails or is interrupted.
pub fn test(lab: &Lab, context: &StageContext<'_>, networks: &[Network]) -> Result<Vec<NetworkRow>, ExperimentError> {
    let space = lab.alone_space();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut known: BTreeMap<(String, u64), usize> = BTreeMap::new();
    let mut places = Vec::new();
    for Network { arch, repetition } in networks {
        let index = *known.entry((space.structure(arch), *repetition)).or_insert(pieces.len());
        if index == pieces.len() {
            pieces.push(Piece { index, arch: arch.clone(), repetition: *repetition });
        }
        places.push(index);
    }
    let epochs = lab.recipe().standalone.train.epochs;
    let steps = lab.alone_loader(&lab.recipe().standalone.train, 0)?.steps_per_epoch() as u64 * epochs;
    let set = lab.open_test()?;
    let file = |piece: &Piece, end: &str| context.file(&format!("network-{}.{end}", piece.index));
    let mut done = 0;
    for piece in &pieces {
        let is_done = file(piece, "json").exists();
        done += if is_done { steps } else { steps_done(context, &file(piece, "safetensors"))? };
    }
    let counter = context.counter("training alone", "steps", done, Some(steps * pieces.len() as u64));
    let rows = side_by_side(context, &Work { lab, context, set, counter }, &pieces)?;
    let own_text =
        |(network, index): (&Network, usize)| NetworkRow { arch: space.format(&network.arch), ..rows[index].clone() };
    Ok(networks.iter().zip(places).map(own_text).collect())
}

struct Piece {
    index: usize,
    arch: Arch,
    repetition: u64,
}

struct Work<'a> {
    lab: &'a Lab,
    context: &'a StageContext<'a>,
    set: ScoreSet,
    counter: Counter<'a>,
}

impl Piecework for Work<'_> {
    type Piece = Piece;
    type Value = NetworkRow;

    fn value_file(&self, piece: &Piece) -> PathBuf {
        self.context.file(&format!("network-{}.json", piece.index))
    }

    fn leftovers(&self, piece: &Piece) -> Vec<PathBuf> {
        vec![self.weights(piece)]
    }

    fn work(&self, piece: &Piece) -> Result<NetworkRow, ExperimentError> {
        let Work { lab, context, set, counter } = self;
        let config = &lab.recipe().standalone.train;
        let seed = |purpose: &str| lab.seed_of(piece.repetition, purpose);
        let loader = lab.alone_loader(config, seed("alone images"))?;
        let net = Net::standalone(lab.alone_blueprint(), &piece.arch, lab.device(), seed("alone weights"))?;
        let phases = [Phase { until: config.epochs, region: None, loader: &loader, judge: None }];
        let file = self.weights(piece);
        let trainer = train_in(context, &file, counter, net, config, &phases, seed("alone paths"))?;
        let test_accuracy = set.metric(&mut trainer.averaged(), &piece.arch, NormPolicy::Running)?;
        let space = lab.alone_space();
        let cost = space.cost(&piece.arch);
        Ok(NetworkRow {
            arch: space.format(&piece.arch),
            seed: lab.recipe().seed + piece.repetition,
            test_accuracy,
            params: cost.params,
            macs: cost.macs,
        })
    }
}

impl Work<'_> {
    fn weights(&self, piece: &Piece) -> PathBuf {
        self.context.file(&format!("network-{}.safetensors", piece.index))
    }
}
