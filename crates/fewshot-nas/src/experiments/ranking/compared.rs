//! The arms of a ranking, the networks that they order, and which stage does what of an arm.

use fewshot_space::Arch;

use super::arm::Arm;
use super::member::{Member, members};
use crate::lab::Lab;
use crate::nets::Net;
use crate::recipe::ShrinkPhase;
use crate::stages::Shards;

/// What is compared, on its images.
pub struct Compared {
    pub lab: Lab,
    pub arms: Vec<Arm>,
    /// The networks: those of the table that are within the limits, or some of the space.
    pub archs: Vec<Arch>,
}

/// A supernet of an earlier arm that another has something from.
pub struct Source<'a> {
    /// Its arm.
    pub arm: &'a Arm,
    /// Which part of that it covers.
    pub part: usize,
    /// The stage that leaves its weights.
    pub stage: String,
}

impl Compared {
    /// The name of the stage that has all that the arm at `position` leaves.
    pub fn stage(&self, position: usize) -> String {
        self.arms[position].stage(position)
    }

    /// The supernets of an arm.
    pub fn members(&self, position: usize) -> Vec<Member> {
        members(&self.lab, &self.arms[position], &self.archs)
    }

    /// The phases in which the supernets of an arm train; none where it is one training.
    pub fn phases(&self, arm: &Arm) -> &[ShrinkPhase] {
        if arm.shrinks { &self.lab.recipe().shrink } else { &[] }
    }

    /// A supernet with fresh weights, as `member` has it or one of its seed that covers another part.
    pub fn fresh(&self, arm: &Arm, part: usize, repetition: u64) -> Net {
        let region = arm.partition.regions()[part].clone();
        Net::supernet(arm.blueprint(), region, self.lab.device(), self.lab.seed_of(repetition, "supernet weights"))
    }

    /// The supernet whose weights one of the arm at `position` begins with, where it has a parent.
    pub fn parent(&self, position: usize, member: &Member) -> Option<Source<'_>> {
        let arm = &self.arms[position];
        Some(self.source(arm.parent?, member.repetition, arm.parent_parts[member.part]))
    }

    /// The supernet of another arm that teaches one of the arm at `position`.
    pub fn teacher(&self, position: usize, member: &Member) -> Option<Source<'_>> {
        let arm = &self.arms[position];
        Some(self.source(arm.teacher?, member.repetition, arm.teacher_parts[member.part]))
    }

    fn source(&self, position: usize, repetition: u64, part: usize) -> Source<'_> {
        Source { arm: &self.arms[position], part, stage: self.trained_by(position, repetition, part) }
    }

    /// How so many pieces of work are dealt out to stages.
    pub fn dealt_out(&self, pieces: usize) -> Shards {
        Shards::new(pieces, self.lab.recipe().launch.shards)
    }

    /// How the supernets of an arm are dealt out.
    pub fn shards(&self, position: usize) -> Shards {
        self.dealt_out(self.supernets(position))
    }

    /// Into how many slices the networks of each supernet are cut, to be scored by stages of their own; 1 where the stage that trains it
    /// scores too.
    pub fn slices(&self, position: usize) -> usize {
        let arm = &self.arms[position];
        let most = self.archs.len() / arm.partition.regions().len().max(1) / slice_of(arm);
        (self.lab.recipe().launch.shards / self.supernets(position).max(1)).min(most).max(1)
    }

    /// The stage that trains the supernet of an arm with a seed on a part.
    pub fn trained_by(&self, position: usize, repetition: u64, part: usize) -> String {
        let stage = self.stage(position);
        let shards = self.shards(position);
        if self.slices(position) == 1 && !shards.is_cut() {
            return stage;
        }
        let place = repetition as usize * self.arms[position].partition.regions().len() + part;
        String::from(&shards.handles::<()>(&stage)[shards.of(place)])
    }

    fn supernets(&self, position: usize) -> usize {
        self.arms[position].partition.regions().len() * self.lab.recipe().ranking.seeds as usize
    }
}

/// Networks that a slice has at least: fewer are scored while their stage begins, unless each is trained first.
fn slice_of(arm: &Arm) -> usize {
    if arm.recipe.fine_tune.steps > 0 { 16 } else { 256 }
}
