//! The stages of an arm: one, or, where the run is cut into shards, several that train or score and one that has what all left.

use std::collections::BTreeSet;

use super::compared::Compared;
use super::member::{Member, weights};
use super::trained::{Schooled, Slice, Trained};
use super::work::{put_together, school, score_slice, train_and_score};
use crate::run::{Handle, Stage};
use crate::stages::Shards;

/// The stages of the arm at `position`; the last one, `handles[position]`, has all that it leaves.
pub fn stages_of<'a>(compared: &'a Compared, position: usize, handles: &[Handle<Vec<Trained>>]) -> Vec<Stage<'a>> {
    let own = &handles[position];
    if let Some(of) = compared.arms[position].scores_of {
        let scored = handles[of].clone();
        return vec![Stage::of(own, move |context| context.value(&scored)).after([&handles[of]])];
    }
    let members = compared.members(position);
    match compared.slices(position) {
        1 => compared.shards(position).stages(own, |handle, pieces| {
            let members = pieces.map(|piece| members[piece].clone()).collect();
            training(compared, position, handle, members)
        }),
        slices => sliced(compared, position, own, members, slices),
    }
}

/// The stage that trains these supernets of the arm at `position`, and scores with them.
fn training<'a>(
    compared: &'a Compared,
    position: usize,
    own: &Handle<Vec<Trained>>,
    members: Vec<Member>,
) -> Stage<'a> {
    let arm = &compared.arms[position];
    let inputs: BTreeSet<String> = members.iter().flat_map(|member| begun_from(compared, position, member)).collect();
    let left = if arm.kept { weights(&members, compared.phases(arm)) } else { Vec::new() };
    let stage = Stage::of(own, move |context| train_and_score(compared, context, position, &members));
    stage.after(inputs).produces(left)
}

/// The stages whose weights a supernet begins with and learns from, where it has a parent.
fn begun_from(compared: &Compared, position: usize, member: &Member) -> BTreeSet<String> {
    let sources = compared.parent(position, member).into_iter().chain(compared.teacher(position, member));
    sources.map(|source| source.stage).collect()
}

/// The stages of an arm whose supernets train in one stage each, unless they only score, and are scored with in `count` more each.
fn sliced<'a>(
    compared: &'a Compared,
    position: usize,
    own: &Handle<Vec<Trained>>,
    members: Vec<Member>,
    count: usize,
) -> Vec<Stage<'a>> {
    let arm = &compared.arms[position];
    let alone = Shards::new(members.len(), members.len());
    let mut stages = Vec::new();
    let is_trained = arm.config.epochs > 0;
    let schooled: Vec<Handle<Vec<Schooled>>> = if is_trained { alone.handles(own.name()) } else { Vec::new() };
    for (member, handle) in members.iter().zip(&schooled) {
        let left = weights(std::slice::from_ref(member), compared.phases(arm));
        let inputs = begun_from(compared, position, member);
        let member = member.clone();
        let stage = Stage::of(handle, move |context| school(compared, context, position, &member));
        stages.push(stage.after(inputs).produces(left));
    }
    let all = Shards::new(members.len() * count, members.len() * count);
    let scored: Vec<Handle<Vec<Slice>>> = all.handles(&format!("{}-scores", own.name()));
    for (place, handle) in scored.iter().enumerate() {
        let (member, slice) = (members[place / count].clone(), (place % count, count));
        let trained = schooled.get(place / count).map(|handle| handle.name().to_owned());
        let inputs = match &trained {
            Some(stage) => BTreeSet::from([stage.clone()]),
            None => begun_from(compared, position, &member),
        };
        let stage = Stage::of(handle, move |context| {
            score_slice(compared, context, position, &member, trained.as_deref(), slice)
        });
        stages.push(stage.after(inputs));
    }
    let inputs: Vec<String> = schooled.iter().map(String::from).chain(scored.iter().map(String::from)).collect();
    let together = Stage::of(own, move |context| {
        let schooled = match is_trained {
            true => alone.gather(context, &schooled)?,
            false => vec![Schooled::default(); members.len()],
        };
        put_together(compared, context, position, &members, schooled, &all.gather(context, &scored)?)
    });
    stages.push(together.after(inputs));
    stages
}
