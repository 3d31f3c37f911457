//! Predictors of what the supernets of an arm score, one for each of them: a search then asks these.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::compared::{Compared, Source};
use super::member::Member;
use super::school::load;
use crate::estimate::{OneShot, Predictor, Routed, ScoreSet};
use crate::lab::ExperimentError;
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Counters, Lesson, Piecework, Predicting, learn, load_predictor, pairs_done, side_by_side};

/// The stage that has what became of all predictors of the arm at `position`.
pub fn handle(compared: &Compared, position: usize) -> Handle<Vec<Predicting>> {
    Handle::named(format!("{}-predictors", compared.stage(position)))
}

/// The stages that make the predictors of an arm.
pub fn stages(compared: &Compared, position: usize) -> Vec<Stage<'_>> {
    let members = compared.members(position);
    compared.shards(position).stages(&handle(compared, position), |handle, pieces| {
        let own: Vec<Member> = pieces.map(|piece| members[piece].clone()).collect();
        let trained = own.iter().map(|member| compared.trained_by(position, member.repetition, member.part));
        let inputs = trained.collect::<BTreeSet<String>>();
        let left: Vec<String> = own.iter().map(file).collect();
        let make = move |context: &StageContext<'_>| make(compared, context, position, &own);
        Stage::of(handle, make).after(inputs).produces(left)
    })
}

/// Names of the stages that leave the predictors of an arm with a seed.
pub fn sources(compared: &Compared, position: usize, repetition: u64) -> BTreeSet<String> {
    let parts = 0..compared.arms[position].partition.regions().len();
    parts.map(|part| made_by(compared, position, repetition, part)).collect()
}

fn made_by(compared: &Compared, position: usize, repetition: u64, part: usize) -> String {
    let (own, shards) = (handle(compared, position), compared.shards(position));
    if !shards.is_cut() {
        return own.name().to_string();
    }
    let place = repetition as usize * compared.arms[position].partition.regions().len() + part;
    shards.handles::<()>(own.name())[shards.of(place)].name().to_string()
}

/// The predictors of all parts with a seed.
pub fn predictors(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    repetition: u64,
) -> Result<Routed<Predictor>, ExperimentError> {
    let partition = &compared.arms[position].partition;
    let of_part = |part: usize| {
        let stage = made_by(compared, position, repetition, part);
        let checkpoint = context.load(&context.input_file(&stage, &file_of(repetition, part))?)?;
        load_predictor(compared.lab.alone_space().clone(), &checkpoint, compared.lab.device())
    };
    let all = (0..partition.regions().len()).map(of_part).collect::<Result<_, ExperimentError>>()?;
    Ok(Routed::new(partition.clone(), all))
}

/// A supernet of an arm, ready to score.
pub fn scorer(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    member: &Member,
    set: &Arc<ScoreSet>,
) -> Result<OneShot, ExperimentError> {
    let (lab, arm) = (&compared.lab, &compared.arms[position]);
    let stage = compared.trained_by(position, member.repetition, member.part);
    let own = Source { arm, part: member.part, stage };
    let net = load(compared, context, &own, &member.weights_file(), member.repetition)?;
    let fine_tune = lab.fine_tune(&arm.recipe.fine_tune, &arm.config, member.repetition)?;
    let one_shot = OneShot::new(net, set.clone(), lab.recipe().scoring.norm);
    Ok(one_shot.measured(arm.recipe.measure).fine_tuned(fine_tune))
}

fn make(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    members: &[Member],
) -> Result<Vec<Predicting>, ExperimentError> {
    // All parts together are scored as often as one supernet.
    let parts = compared.arms[position].partition.regions().len();
    let pairs = compared.lab.recipe().scoring.predictor.div_ceil(parts.max(1));
    let mut done = 0;
    for member in members {
        let is_done = context.file(&value_file(member)).exists();
        done += if is_done { pairs } else { pairs_done(&context.file(&pairs_file(member)))? };
    }
    let counters = Counters {
        pairs: context.counter("scoring for predictors", "networks", done as u64, Some((pairs * members.len()) as u64)),
        epochs: context.counter("training predictors", "epochs", 0, None),
    };
    let set = Arc::new(compared.lab.score_set()?);
    side_by_side(context, &Work { compared, context, position, pairs, set, counters }, members)
}

fn value_file(member: &Member) -> String {
    format!("seed{}-part{}.json", member.repetition, member.part)
}

fn pairs_file(member: &Member) -> String {
    format!("seed{}-part{}-pairs.json", member.repetition, member.part)
}

fn file(member: &Member) -> String {
    file_of(member.repetition, member.part)
}

fn file_of(repetition: u64, part: usize) -> String {
    format!("seed{repetition}-part{part}-predictor.safetensors")
}

struct Work<'a> {
    compared: &'a Compared,
    context: &'a StageContext<'a>,
    position: usize,
    /// Networks that each supernet scores.
    pairs: usize,
    set: Arc<ScoreSet>,
    counters: Counters<'a>,
}

impl Piecework for Work<'_> {
    type Piece = Member;
    type Value = Predicting;

    fn value_file(&self, member: &Member) -> PathBuf {
        self.context.file(&value_file(member))
    }

    fn leftovers(&self, member: &Member) -> Vec<PathBuf> {
        vec![self.context.file(&pairs_file(member))]
    }

    fn work(&self, member: &Member) -> Result<Predicting, ExperimentError> {
        let Self { compared, context, position, .. } = *self;
        let lesson = Lesson {
            region: &member.region,
            pairs: self.pairs,
            seed: compared.lab.seed_of(member.repetition, &format!("predictor of part {}", member.part)),
            device: compared.lab.device(),
            pairs_file: context.file(&pairs_file(member)),
            file: context.file(&file(member)),
        };
        let mut scorer = scorer(compared, context, position, member, &self.set)?;
        learn(context, &lesson, &mut scorer, &self.counters)
    }
}
