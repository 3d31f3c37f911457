//! A plan in words.

use fewshot_guard::counted;
use fewshot_space::{Filter, Region};

use super::asked::{compared, others_of_front};
use super::rates::estimate;
use crate::lab::{ExperimentError, Lab};
use crate::stages::{about, duration};

/// What a run will do with its time, a line each.
pub fn announcement(lab: &Lab) -> Result<Vec<String>, ExperimentError> {
    let recipe = lab.recipe();
    let parts = lab.partition().regions().len();
    let Some(plan) = &recipe.budget.plan else {
        return Ok(vec![about(estimate(lab)?)]);
    };
    let split = match plan.sub_supernets > 0.0 {
        true => {
            let (parts, epochs) = (counted(parts, "sub-supernet"), counted(recipe.children.epochs, "epoch"));
            format!(", {parts} {} ({epochs} each)", duration(plan.sub_supernets))
        }
        false => String::new(),
    };
    let finalists = match compared(recipe) {
        1 => String::new(),
        count => format!("{} {}, ", counted(count, "finalist"), duration(plan.finalists)),
    };
    let mut lines = vec![format!(
        "{} for the kept network: supernet {} ({}){split}, {} scored {}, {finalists}the kept one {} (about {})",
        duration(recipe.budget.seconds()),
        duration(plan.supernet),
        counted(recipe.supernet.epochs, "epoch"),
        counted(recipe.search.budget, "network"),
        duration(plan.search),
        duration(plan.kept),
        counted(recipe.standalone.train.epochs, "epoch"),
    )];
    lines.extend(plan.told.iter().cloned());
    let alone = &recipe.standalone;
    let made_by_hand = match plan.fixed_epochs {
        true => "hand-made networks for as many epochs".to_string(),
        false => format!("hand-made networks for {} each, at most", duration(recipe.budget.seconds())),
    };
    let beside = [
        (alone.references, made_by_hand),
        (
            others_of_front(recipe) > 0,
            format!("up to {} more of the front as long as the kept one", others_of_front(recipe)),
        ),
        (alone.randoms > 0, format!("{} as long as the kept one", counted(alone.randoms, "random one"))),
        (recipe.search.verify > 0, format!("{} verified", recipe.search.verify)),
    ];
    let beside: Vec<String> = beside.into_iter().filter(|(is_there, _)| *is_there).map(|(_, words)| words).collect();
    if plan.beside > 0.0 && !beside.is_empty() {
        let (more, beside) = (duration(plan.beside), beside.join(", "));
        let (purpose, whom) = match others_of_front(recipe) {
            0 => (" to compare with", ""),
            _ => ("", " to compare with"),
        };
        lines.push(format!(
            "then {more} more{purpose}: {beside} (--no-references, --randoms 0, --verify 0: none{whom})"
        ));
    }
    Ok(lines)
}

/// What the limits leave of the space, in words.
pub fn limits(lab: &Lab) -> Result<Vec<String>, ExperimentError> {
    let whole = lab.partition().whole();
    if whole.filters().is_empty() {
        return Ok(Vec::new());
    }
    let upper = |region: Region, filter: &Filter| region.filtered(Filter::at_most(filter.feature, filter.max));
    let within = whole.filters().iter().fold(Region::full(whole.space().clone()), upper).extent()?;
    let (all, searched) = (Region::full(whole.space().clone()).extent()?, whole.extent()?);
    let near = match searched == within {
        true => String::new(),
        false => format!(", and {searched} of these come near enough to it"),
    };
    Ok(vec![format!("{within} of {} of {} keep the limit{near}", counted(all, "network"), whole.space().name())])
}
