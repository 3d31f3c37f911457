//! The text form of `proxyless`: operations stage by stage.

use super::layers::Slot;
use super::proxyless::{ProxylessOp, ProxylessSpace};
use crate::arch::Arch;
use crate::space::Space;
use crate::text::{ParseArchError, Source};

/// The operations that are `wanted`, those of a stage joined by `,`, stages by `;`.
pub(super) fn join(space: &ProxylessSpace, arch: &Arch, wanted: impl Fn(ProxylessOp) -> bool) -> String {
    let mut stages: Vec<Vec<String>> = Vec::new();
    for (layer, slot) in space.slots().iter().enumerate() {
        if slot.position == 0 {
            stages.push(Vec::new());
        }
        let op = space.op(arch, layer);
        if wanted(op) {
            stages[slot.stage].push(op.name());
        }
    }
    let stages: Vec<String> = stages.iter().map(|ops| ops.join(",")).collect();
    stages.join(";")
}

pub(super) fn parse(space: &ProxylessSpace, text: &str) -> Result<Arch, ParseArchError> {
    let source = Source { space: space.name(), text };
    let stages = space.slots().last().map_or(0, |slot| slot.stage + 1);
    if text.split(';').count() != stages {
        let expected = format!("{stages} stages, with `;` between them");
        return Err(source.expected(0, expected, text));
    }
    let mut options = Vec::with_capacity(space.slots().len());
    for (stage, part) in text.split(';').enumerate() {
        let layers = space.slots().iter().filter(|slot: &&Slot| slot.stage == stage).count();
        if part.split(',').count() != layers {
            let expected = format!("{layers} operation(s) of stage {}, with `,` between them", stage + 1);
            return Err(source.expected(source.offset(part), expected, part.trim()));
        }
        for name in part.split(',') {
            let name = name.trim();
            let decision = &space.decisions()[options.len()];
            options.push(source.option(decision, name, source.offset(name))?);
        }
    }
    Ok(Arch::new(options))
}
