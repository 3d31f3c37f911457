//! The end of a search for a front: score against multiply-adds, its networks trained alone.

use std::collections::BTreeMap;
use std::path::Path;

use fewshot_space::Arch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finalists::best_functions;
use super::found::{HistoryEntry, SEARCH, Scored};
use crate::estimate::ScoreSet;
use crate::export::ONNX;
use crate::lab::{ExperimentError, Lab};
use crate::model::MODEL;
use crate::nets::NetError;
use crate::run::{Checkpoint, FileError, Handle, RunError, Stage, StageContext};
use crate::search::front;
use crate::stages::{self, Measured, keep, train_several};

/// Stage that trains the front's networks but the last, which is the found one.
pub static FRONT: Handle<()> = Handle::new("front");
/// All their weights, names behind the network's number.
const WEIGHTS: &str = "networks.safetensors";
/// Where their models are, in the folder of the run.
const FOLDER: &str = "front";

/// A network of the front.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontNetwork {
    /// The architecture.
    pub arch: String,
    /// Its score: supernet accuracy on held-out training images (under `scoring.on_test`: test images), 0 to 1.
    pub score: f64,
    /// Multiply-adds per image, trained alone.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
    /// Predicted milliseconds for one image; absent where latency is not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// Top-1 accuracy on the test images, trained alone, 0 to 1.
    pub test_accuracy: f64,
    /// Its model file, in the folder of the run.
    pub model: String,
}

/// What of the history no other network beats in score and in multiply-adds, cheapest first; when there are more than
/// `count`, as many spread evenly along it, both ends among them. Networks that nothing flows through are not on it.
pub fn of(lab: &Lab, history: &[HistoryEntry], count: usize) -> Result<Vec<Scored>, ExperimentError> {
    let space = lab.alone_space();
    // Codes of one function score alike and may differ in cost, since idle operations count: of equals the cheapest is taken.
    let mut cheapest = history.to_vec();
    cheapest.sort_by_key(|entry| entry.macs);
    let mut alive = Vec::new();
    for scored in best_functions(lab, &cheapest, usize::MAX)? {
        let arch = space.parse(&scored.arch)?;
        if !space.graph(&arch).is_dead() {
            alive.push((space.cost(&arch).macs, scored));
        }
    }
    let points: Vec<[f64; 2]> = alive.iter().map(|(macs, scored)| [scored.score, -(*macs as f64)]).collect();
    let mut members: Vec<&(u64, Scored)> = front(&points).into_iter().map(|at| &alive[at]).collect();
    members.sort_by_key(|(macs, _)| *macs);
    // Of equals in both, the first found.
    members.dedup_by(|b, a| a.0 == b.0 && a.1.score == b.1.score);
    let spread = spread(members.len(), count).into_iter().map(|at| members[at].1.clone()).collect::<Vec<_>>();
    if spread.is_empty() { Err(ExperimentError::NothingScored) } else { Ok(spread) }
}

/// `count` of `0..len`, evenly spread, both ends among them; the last one alone for a count of one.
pub fn spread(len: usize, count: usize) -> Vec<usize> {
    match (len, count) {
        (0, _) | (_, 0) => Vec::new(),
        (len, 1) => vec![len - 1],
        (len, count) if count >= len => (0..len).collect(),
        (len, count) => (0..count).map(|at| (at * (len - 1) + (count - 1) / 2) / (count - 1)).collect(),
    }
}

/// The stage; none unless a front is wanted.
pub fn stages(lab: &Lab) -> Option<Stage<'_>> {
    let stage = Stage::of(&FRONT, move |context| train(lab, context)).produces([WEIGHTS]);
    (lab.recipe().search.pareto > 0).then(|| stage.after([&SEARCH]))
}

fn others(lab: &Lab, context: &StageContext<'_>) -> Result<Vec<(Scored, Arch)>, ExperimentError> {
    let found = context.value(&SEARCH)?;
    let others = found.front.len().saturating_sub(1);
    let parsed = found.front.into_iter().take(others).map(|scored| {
        let arch = lab.alone_space().parse(&scored.arch)?;
        Ok((scored, arch))
    });
    parsed.collect()
}

fn train(lab: &Lab, context: &StageContext<'_>) -> Result<(), ExperimentError> {
    let archs: Vec<Arch> = others(lab, context)?.into_iter().map(|(_, arch)| arch).collect();
    // As the found network and the random ones are trained.
    let loader = lab.alone_loader(&lab.recipe().standalone.train, lab.seed("alone images"))?;
    let until = lab.recipe().standalone.train.epochs;
    let mut all = Checkpoint::new(&Value::Null)?;
    for (index, net) in train_several(lab, context, &archs, until, &loader)?.iter().enumerate() {
        let values = net.weights().to_values().map_err(NetError::from)?;
        all.tensors.extend(values.into_iter().map(|(name, value)| (format!("{index}/{name}"), value)));
    }
    Ok(context.save(all, &context.file(WEIGHTS))?)
}

/// Tests the front's networks but the last, and leaves each as a model.
pub fn test(lab: &Lab, context: &StageContext<'_>, set: &ScoreSet) -> Result<Vec<FrontNetwork>, ExperimentError> {
    let weights = context.load(&context.input_file(FRONT.name(), WEIGHTS)?)?;
    let mut tested = Vec::new();
    for (index, (scored, arch)) in others(lab, context)?.into_iter().enumerate() {
        let prefix = format!("{index}/");
        let own = weights.tensors.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)));
        let own: BTreeMap<String, _> = own.map(|(name, value)| (name.to_string(), value.clone())).collect();
        let mut net = stages::network(lab, &arch)?;
        net.weights_mut().load_values(&own).map_err(NetError::from)?;
        let name = Path::new(FOLDER).join((index + 1).to_string());
        let folder = context.publish_folder().join(&name);
        std::fs::create_dir_all(&folder).map_err(|error| RunError::from(FileError::new("create", &folder, error)))?;
        let evaluation = set.evaluate(&mut net, &arch, lab.images().classes())?;
        let epochs = lab.recipe().standalone.train.epochs;
        let measured = Measured { epochs, held_out_accuracy: None, test_accuracy: Some(evaluation.top1) };
        keep(lab, context, net, &arch, measured, &folder)?;
        let model = name.join(if folder.join(ONNX).exists() { ONNX } else { MODEL });
        tested.push(network(lab, &scored, &arch, evaluation.top1, model.display().to_string()));
    }
    Ok(tested)
}

/// A network with all that is told of it.
pub fn network(lab: &Lab, scored: &Scored, arch: &Arch, test_accuracy: f64, model: String) -> FrontNetwork {
    let cost = lab.alone_space().cost(arch);
    FrontNetwork {
        arch: scored.arch.clone(),
        score: scored.score,
        macs: cost.macs,
        params: cost.params,
        latency_ms: lab.latency().and_then(|model| model.predict(arch)),
        test_accuracy,
        model,
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn what_is_spread_has_both_ends() {
        assert_eq!(spread(9, 3), [0, 4, 8]);
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread(3, 5), [0, 1, 2]);
        assert_eq!(spread(7, 1), [6]);
        assert_eq!(spread(1, 2), [0]);
        assert!(spread(0, 3).is_empty() && spread(4, 0).is_empty());
        for (len, count) in (1..30).flat_map(|len| (2..=len).map(move |count| (len, count))) {
            let at = spread(len, count);
            assert!(at.len() == count && at[0] == 0 && at[count - 1] == len - 1, "{len} {count}: {at:?}");
            assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{len} {count}: {at:?}");
        }
    }
}
