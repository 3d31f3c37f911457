//! The order of a plan's stages, and whether there is one.

use std::collections::{BTreeSet, HashMap};

use super::error::PlanError;
use super::plan_file::DONE;
use super::stage::Stage;

/// Checks the stages and puts them in order: again and again the first stage given whose inputs
/// are all taken. Returns positions in `stages`. There may be tens of thousands.
pub(super) fn order(stages: &[Stage<'_>]) -> Result<Vec<usize>, PlanError> {
    check(stages)?;
    // Only looked up, never iterated.
    let positions: HashMap<&str, usize> = (0..).zip(stages).map(|(at, stage)| (stage.name.as_str(), at)).collect();
    let inputs = |stage: &Stage<'_>| -> BTreeSet<usize> {
        stage.inputs.iter().filter_map(|input| positions.get(input.as_str()).copied()).collect()
    };
    let mut waiting: Vec<BTreeSet<usize>> = stages.iter().map(inputs).collect();
    let mut waited_for: Vec<Vec<usize>> = vec![Vec::new(); stages.len()];
    for (at, inputs) in waiting.iter().enumerate() {
        inputs.iter().for_each(|&input| waited_for[input].push(at));
    }
    let mut ready: BTreeSet<usize> = (0..stages.len()).filter(|&at| waiting[at].is_empty()).collect();
    let mut order = Vec::with_capacity(stages.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for &at in &waited_for[next] {
            waiting[at].remove(&next);
            if waiting[at].is_empty() {
                ready.insert(at);
            }
        }
    }
    if order.len() < stages.len() {
        let taken = order.iter().map(|&at| stages[at].name.as_str()).collect();
        return Err(PlanError::Cycle { circle: circle(stages, &taken) });
    }
    Ok(order)
}

/// A circle among the stages not in `taken`, each of which waits for another one of them.
fn circle(stages: &[Stage<'_>], taken: &BTreeSet<&str>) -> Vec<String> {
    let next = |name: Option<&str>| {
        let mut open = stages.iter().filter(|stage| !taken.contains(stage.name.as_str()));
        match name {
            None => open.next().map(|stage| stage.name.as_str()),
            Some(name) => open
                .find(|stage| stage.name == name)
                .and_then(|stage| stage.inputs.iter().find(|i| !taken.contains(i.as_str())))
                .map(String::as_str),
        }
    };
    let mut walk: Vec<&str> = Vec::new();
    let mut at = next(None);
    while let Some(name) = at {
        if let Some(first) = walk.iter().position(|seen| *seen == name) {
            walk.push(name);
            return walk[first..].iter().map(|name| (*name).to_owned()).collect();
        }
        walk.push(name);
        at = next(Some(name));
    }
    walk.into_iter().map(str::to_owned).collect()
}

/// Names are good and given once, inputs exist.
fn check(stages: &[Stage<'_>]) -> Result<(), PlanError> {
    let mut names = BTreeSet::new();
    for stage in stages {
        if !is_stage_name(&stage.name) {
            return Err(PlanError::Name { name: stage.name.clone() });
        }
        if !names.insert(stage.name.as_str()) {
            return Err(PlanError::Duplicate { name: stage.name.clone() });
        }
        if let Some(output) = stage.outputs.iter().find(|output| !is_file_name(output)) {
            let (stage, output) = (stage.name.clone(), output.clone());
            return Err(PlanError::Output { stage, output });
        }
    }
    for stage in stages {
        if let Some(input) = stage.inputs.iter().find(|i| !names.contains(i.as_str())) {
            return Err(PlanError::UnknownInput {
                stage: stage.name.clone(),
                input: input.clone(),
                known: list(stages),
            });
        }
    }
    Ok(())
}

/// The names of the stages, for messages.
pub(super) fn list(stages: &[Stage<'_>]) -> String {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    names.join(", ")
}

fn is_stage_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=80).contains(&name.len()) && name.starts_with(plain) && name.chars().all(|c| plain(c) || c == '-' || c == '_')
}

fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | DONE) && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}
