//! What the stages of an arm do: train supernets, score with them, or both, and put together what several left.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::compared::{Compared, Source};
use super::member::Member;
use super::school::{School, first_net, load};
use super::scoring::{Scorer, Scoring, Share};
use super::trained::{Schooled, Slice, Trained, of_others};
use crate::lab::ExperimentError;
use crate::run::{Counter, StageContext};
use crate::stages::{Piecework, load_json, side_by_side, tell_failures};

/// Trains these supernets of an arm, several at a time, and scores with each the networks that it owns.
pub fn train_and_score(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    members: &[Member],
) -> Result<Vec<Trained>, ExperimentError> {
    let mut scored = 0;
    for member in members {
        let is_done = context.file(&member.value_file()).exists();
        let under_way: Option<Scoring> = load_json(&context.file(&member.scoring_file()))?;
        let of_it = under_way.map_or(0, |scoring| scoring.networks);
        scored += if is_done { member.owned.len() as u64 } else { of_it };
    }
    let work = Both {
        school: School::open(compared, context, position, members)?,
        scorer: Scorer::open(compared, context, position)?,
        networks: members.iter().map(|member| member.owned.len() as u64).sum(),
        scored,
        scoring: OnceLock::new(),
    };
    let trained = side_by_side(context, &work, members)?;
    tell(compared, context, position, &trained);
    Ok(trained)
}

/// Training and scoring in one stage.
struct Both<'a> {
    school: School<'a>,
    scorer: Scorer<'a>,
    /// Networks that are scored.
    networks: u64,
    /// Of these, those that earlier processes scored.
    scored: u64,
    /// Counts scored networks, from the first on.
    scoring: OnceLock<Counter<'a>>,
}

impl Piecework for Both<'_> {
    type Piece = Member;
    type Value = Trained;

    fn value_file(&self, member: &Member) -> PathBuf {
        self.school.context.file(&member.value_file())
    }

    fn leftovers(&self, member: &Member) -> Vec<PathBuf> {
        let School { compared, context, position, .. } = self.school;
        let arm = &compared.arms[position];
        let scoring = context.file(&member.scoring_file());
        if arm.kept {
            return std::iter::once(scoring).chain(self.school.between_phases(member)).collect();
        }
        // Hundreds of sub-supernets: their scores are what is wanted.
        let training = member.training_files(compared.phases(arm)).into_iter().map(|file| context.file(&file));
        std::iter::once(scoring).chain(training).collect()
    }

    fn work(&self, member: &Member) -> Result<Trained, ExperimentError> {
        let School { compared, context, .. } = self.school;
        let (net, schooled) = self.school.train(member)?;
        let share = Share::of(member, &net, &compared.archs, (0, 1))?;
        let count = || context.counter("scoring", "networks", self.scored, Some(self.networks));
        let counter = self.scoring.get_or_init(count);
        let scoring = load_json(&context.file(&member.scoring_file()))?.unwrap_or_default();
        let slice = self.scorer.score(member, net, &share, scoring, counter)?;
        Trained::of(member, &compared.archs, schooled, &[slice]).ok_or_else(|| of_others(context.name()))
    }
}

/// Trains one supernet of an arm, and leaves its weights: other stages score with them.
pub fn school(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    member: &Member,
) -> Result<Vec<Schooled>, ExperimentError> {
    let members = std::slice::from_ref(member);
    side_by_side(context, &School::open(compared, context, position, members)?, members)
}

/// Scores slice `slice` of `slices` of the networks that a supernet owns. Its weights are those that stage `trained` left, or, where it
/// is not trained, those that it starts from.
pub fn score_slice(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    member: &Member,
    trained: Option<&str>,
    slice: (usize, usize),
) -> Result<Vec<Slice>, ExperimentError> {
    let net = match trained {
        Some(stage) => {
            let own = Source { arm: &compared.arms[position], part: member.part, stage: stage.to_owned() };
            load(compared, context, &own, &member.weights_file(), member.repetition)?
        }
        None => first_net(compared, context, position, member)?,
    };
    let share = Share::of(member, &net, &compared.archs, slice)?;
    let scoring: Scoring = load_json(&context.file(&member.scoring_file()))?.unwrap_or_default();
    let counter = context.counter("scoring", "networks", scoring.networks, Some(share.networks()));
    let scorer = Scorer::open(compared, context, position)?;
    Ok(vec![scorer.score(member, net, &share, scoring, &counter)?])
}

/// What the supernets of an arm leave, from what their training left and the scores of their slices, in the order of the supernets.
pub fn put_together(
    compared: &Compared,
    context: &StageContext<'_>,
    position: usize,
    members: &[Member],
    schooled: Vec<Schooled>,
    slices: &[Slice],
) -> Result<Vec<Trained>, ExperimentError> {
    let per_member = (slices.len() / members.len().max(1)).max(1);
    let of_each = members.iter().zip(schooled).zip(slices.chunks(per_member));
    let left = of_each.map(|((member, schooled), slices)| Trained::of(member, &compared.archs, schooled, slices));
    let left = left.collect::<Option<Vec<Trained>>>().ok_or_else(|| of_others(context.name()))?;
    tell(compared, context, position, &left);
    Ok(left)
}

/// Tells how many networks score 0.
fn tell(compared: &Compared, context: &StageContext<'_>, position: usize, trained: &[Trained]) {
    let scores: Vec<f64> = trained.iter().flat_map(|trained| trained.scores.iter().copied()).collect();
    tell_failures(context, compared.arms[position].recipe.fine_tune.steps, scores.into_iter());
}
