//! The text form of `proxyless`: operations stage by stage.

use fewshot_guard::counted;

use super::layers::Slot;
use crate::arch::Arch;
use crate::decision::Decision;
use crate::text::{ParseArchError, Source};

/// What `name` says of each layer, if anything: a stage's joined by `,`, stages by `;`.
pub(super) fn join(slots: &[Slot], name: impl Fn(usize) -> Option<String>) -> String {
    let mut stages: Vec<Vec<String>> = Vec::new();
    for (layer, slot) in slots.iter().enumerate() {
        if slot.position == 0 {
            stages.push(Vec::new());
        }
        stages[slot.stage].extend(name(layer));
    }
    let stages: Vec<String> = stages.iter().map(|ops| ops.join(",")).collect();
    stages.join(";")
}

/// Reads an architecture with a decision per slot.
pub(super) fn parse(source: Source<'_>, slots: &[Slot], decisions: &[Decision]) -> Result<Arch, ParseArchError> {
    let text = source.text;
    let stages = slots.last().map_or(0, |slot| slot.stage + 1);
    if text.split(';').count() != stages {
        let expected = format!("{stages} stages, with `;` between them");
        return Err(source.expected(0, expected, text));
    }
    let mut options = Vec::with_capacity(slots.len());
    for (stage, part) in text.split(';').enumerate() {
        let layers = slots.iter().filter(|slot: &&Slot| slot.stage == stage).count();
        if part.split(',').count() != layers {
            let expected = format!("{} of stage {}, with `,` between them", counted(layers, "operation"), stage + 1);
            return Err(source.expected(source.offset(part), expected, part.trim()));
        }
        for name in part.split(',') {
            let name = name.trim();
            let decision = &decisions[options.len()];
            options.push(source.option(decision, name, source.offset(name))?);
        }
    }
    Ok(Arch::new(options))
}
