//! Networks trained alone by one recipe, side by side, and tested. Nothing is chosen any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};

use super::pieces::{Piecework, side_by_side};
use super::training::{Phase, steps_done, train_in};
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::nets::Net;
use crate::run::{Counter, StageContext};

/// A network trained alone, and tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkRow {
    /// The architecture.
    pub arch: String,
    /// The seed that it was trained with.
    pub seed: u64,
    /// Accuracy on the test images, 0 to 1.
    pub test_accuracy: f64,
    /// Parameters that cost models count.
    pub params: u64,
    /// Multiply-adds per image.
    pub macs: u64,
}

impl NetworkRow {
    /// Accuracy on the test images in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.test_accuracy
    }
}

/// An architecture, and which of the run's seeds it is trained with.
#[derive(Debug, Clone)]
pub struct Network {
    /// The architecture.
    pub arch: Arch,
    /// Which seed, from 0.
    pub repetition: u64,
}

/// Trains and tests those of `networks` at the places `own`, side by side. Networks of one function with one seed are trained once, as
/// the first of all; so nothing that comes out depends on which are trained together.
///
/// # Errors
/// When a training fails or is interrupted.
pub fn train_and_test(
    lab: &Lab,
    context: &StageContext<'_>,
    networks: &[Network],
    own: &[usize],
) -> Result<Vec<NetworkRow>, ExperimentError> {
    let space = lab.alone_space();
    let mut all: Vec<Piece> = Vec::new();
    let mut known: BTreeMap<(String, u64), usize> = BTreeMap::new();
    let mut of_each = Vec::with_capacity(networks.len());
    for Network { arch, repetition } in networks {
        let index = *known.entry((space.structure(arch), *repetition)).or_insert(all.len());
        if index == all.len() {
            all.push(Piece { index, arch: arch.clone(), repetition: *repetition });
        }
        of_each.push(index);
    }
    let wanted: BTreeSet<usize> = own.iter().map(|&place| of_each[place]).collect();
    let pieces: Vec<Piece> = all.into_iter().filter(|piece| wanted.contains(&piece.index)).collect();
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
    let rows: BTreeMap<usize, NetworkRow> = pieces.iter().map(|piece| piece.index).zip(rows).collect();
    let own_text = |&place: &usize| {
        let arch = space.format(&networks[place].arch);
        NetworkRow { arch, ..rows[&of_each[place]].clone() }
    };
    Ok(own.iter().map(own_text).collect())
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
