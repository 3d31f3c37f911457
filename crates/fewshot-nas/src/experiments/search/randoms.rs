//! Random networks beside the found one, trained as long as it.

use super::kept::WINNER;
use super::result::RandomNetwork;
use crate::estimate::{NormPolicy, ScoreSet};
use crate::lab::{ExperimentError, Lab};
use crate::run::{Handle, Stage, StageContext};
use crate::stages::{Trained, network, train_on_all, trained_net, training_stage};

/// The stages that train them, by what they leave.
pub fn handles(lab: &Lab) -> Vec<Handle<Trained>> {
    (0..lab.recipe().standalone.randoms).map(|index| Handle::named(format!("random-{index}"))).collect()
}

/// The stages.
pub fn stages(lab: &Lab) -> Vec<Stage<'_>> {
    let stage = |(index, handle): (usize, Handle<Trained>)| {
        training_stage(&handle, move |context| train(lab, context, index)).after([&WINNER])
    };
    handles(lab).into_iter().enumerate().map(stage).collect()
}

fn train(lab: &Lab, context: &StageContext<'_>, index: usize) -> Result<Trained, ExperimentError> {
    let archs = lab.random_archs("random networks", lab.recipe().standalone.randoms)?;
    // A region smaller than the number of random networks repeats its members.
    let arch = archs.get(index % archs.len().max(1)).ok_or(ExperimentError::NothingScored)?;
    let epochs = context.value(&WINNER)?.history.len() as u64;
    train_on_all(lab, context, network(lab, arch)?, lab.alone_space().format(arch), epochs)
}

/// Tests them.
pub fn test(lab: &Lab, context: &StageContext<'_>, set: &ScoreSet) -> Result<Vec<RandomNetwork>, ExperimentError> {
    let tested = handles(lab).into_iter().map(|stage| {
        let (arch, mut net, _) = trained_net(lab, context, &stage)?;
        let test_accuracy = set.metric(&mut net, &arch, NormPolicy::Running)?;
        Ok(RandomNetwork { arch: lab.alone_space().format(&arch), test_accuracy })
    });
    tested.collect()
}
