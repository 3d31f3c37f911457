//! The supernets of an arm: what they cover, and the files that they leave.

use fewshot_space::{Arch, Region};

use super::arm::Arm;
use crate::lab::Lab;
use crate::recipe::ShrinkPhase;

/// One supernet of an arm, with one seed.
#[derive(Clone)]
pub struct Member {
    /// Which of the seeds, from 0.
    pub repetition: u64,
    /// Which part.
    pub part: usize,
    /// What it covers.
    pub region: Region,
    /// The compared networks that it scores, by position.
    pub owned: Vec<usize>,
}

impl Member {
    /// The file of what it leaves, in its stage's folder.
    pub fn value_file(&self) -> String {
        format!("seed{}-part{}.json", self.repetition, self.part)
    }

    /// Weights and state of one in training, or of one that others start from.
    pub fn weights_file(&self) -> String {
        weights_file(self.repetition, self.part)
    }

    /// The same of each phase of its training; without phases that of all of it.
    pub fn training_files(&self, phases: &[ShrinkPhase]) -> Vec<String> {
        match phases.len() {
            0 => vec![self.weights_file()],
            count => (0..count).map(|index| phase_file(phases, index, self.repetition, self.part)).collect(),
        }
    }

    /// The networks that it scores.
    pub fn networks(&self, archs: &[Arch]) -> Vec<Arch> {
        self.owned.iter().map(|&index| archs[index].clone()).collect()
    }

    /// Its scores so far.
    pub fn scoring_file(&self) -> String {
        format!("seed{}-part{}-scoring.json", self.repetition, self.part)
    }
}

/// The supernets of an arm: per seed, one per part.
pub fn members(lab: &Lab, arm: &Arm, archs: &[Arch]) -> Vec<Member> {
    let mut owned = vec![Vec::new(); arm.partition.regions().len()];
    for (index, arch) in archs.iter().enumerate() {
        if let Some(part) = arm.partition.route(arch) {
            owned[part].push(index);
        }
    }
    let of_seed = |repetition| {
        let parts = arm.partition.regions().iter().zip(&owned).enumerate();
        parts.map(move |(part, (region, owned))| Member {
            repetition,
            part,
            region: region.clone(),
            owned: owned.clone(),
        })
    };
    (0..lab.recipe().ranking.seeds).flat_map(of_seed).collect()
}

/// File of the weights of one supernet of an arm.
pub fn weights_file(repetition: u64, part: usize) -> String {
    format!("seed{repetition}-part{part}.safetensors")
}

/// The same behind a phase of its training; behind the last one they are the supernet's.
pub fn phase_file(phases: &[ShrinkPhase], index: usize, repetition: u64, part: usize) -> String {
    match index + 1 == phases.len() {
        true => weights_file(repetition, part),
        false => format!("seed{repetition}-part{part}-{}.safetensors", phases[index].name),
    }
}

/// Files of the weights of these supernets that others start from, and of those behind the first of several phases, which teach.
pub fn weights(members: &[Member], phases: &[ShrinkPhase]) -> Vec<String> {
    let of_one = |member: &Member| {
        let teacher = (phases.len() > 1).then(|| phase_file(phases, 0, member.repetition, member.part));
        std::iter::once(member.weights_file()).chain(teacher)
    };
    members.iter().flat_map(of_one).collect()
}

/// An architecture in a few characters.
pub fn code(arch: &Arch) -> String {
    arch.options().iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}
