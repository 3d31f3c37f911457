//! The supernets of an arm: what they cover, and the files that they leave.

use fewshot_space::{Arch, Region};

use super::arm::Arm;
use crate::lab::Lab;

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

/// Files of the weights of these supernets, for others to start from.
pub fn weights(members: &[Member]) -> Vec<String> {
    members.iter().map(Member::weights_file).collect()
}

/// An architecture in a few characters.
pub fn code(arch: &Arch) -> String {
    arch.options().iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}
