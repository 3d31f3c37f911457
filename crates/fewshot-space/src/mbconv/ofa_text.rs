//! The text form of `ofa-mbv3`: lists of depths, kernels and expansions, and the resolution.

use super::ofa_places::OfaPlaces;
use crate::arch::Arch;
use crate::decision::{Decision, activity};
use crate::suggest;
use crate::text::{ParseArchError, ParseProblem, Source};

const FIELDS: [&str; 4] = ["d", "k", "e", "r"];

/// What the text is about: all decisions, and where they stand.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    pub places: OfaPlaces,
    pub decisions: &'a [Decision],
}

impl Form<'_> {
    pub fn format(self, arch: &Arch) -> String {
        let places = self.places;
        let name = |decision: usize| self.decisions[decision].options[arch.get(decision)].as_str();
        let depths: Vec<&str> = (0..places.stages).map(|stage| name(places.depth_of(stage))).collect();
        let kernels: Vec<&str> = (0..places.slots).map(|slot| name(places.kernel_of(slot))).collect();
        let expansions: Vec<&str> = (0..places.slots).map(|slot| name(places.expansion_of(slot))).collect();
        let resolution = name(places.resolution());
        format!("d={};k={};e={};r={resolution}", depths.join(","), kernels.join(","), expansions.join(","))
    }

    pub fn parse(self, source: Source<'_>) -> Result<Arch, ParseArchError> {
        let [depths, kernels, expansions, resolution] = fields(source)?;
        let reader = Reader { source, form: self };
        let places = self.places;
        let mut options = vec![0; self.decisions.len()];
        reader.depths(reader.required(depths, "d")?, &mut options)?;
        reader.slots(reader.required(kernels, "k")?, "kernels", places.kernel_of(0), &mut options)?;
        reader.slots(reader.required(expansions, "e")?, "expansions", places.expansion_of(0), &mut options)?;
        let only_resolution = self.decisions[places.resolution()].options.len() == 1;
        if resolution.is_some() || !only_resolution {
            let side = reader.required(resolution, "r")?;
            options[places.resolution()] = reader.option(places.resolution(), side)?;
        }
        Ok(Arch::new(options))
    }
}

/// What stands behind `d=`, `k=`, `e=` and `r=`.
fn fields(source: Source<'_>) -> Result<[Option<&str>; 4], ParseArchError> {
    let mut fields = [None; 4];
    for part in source.text.split(';') {
        let at = source.offset(part) + part.len() - part.trim_start().len();
        let Some((name, value)) = part.split_once('=') else {
            return Err(source.expected(at, "`d=`, `k=`, `e=` or `r=` with its values", part.trim()));
        };
        let name = name.trim();
        let Some(field) = FIELDS.iter().position(|&field| field == name) else {
            let hint = suggest::hint(name, FIELDS);
            let found = name.chars().take(40).collect();
            return Err(source.error(at, ParseProblem::UnknownDecision { found, hint }));
        };
        if fields[field].replace(value.trim()).is_some() {
            return Err(source.error(at, ParseProblem::Repeated { decision: name.into() }));
        }
    }
    Ok(fields)
}

struct Reader<'a> {
    source: Source<'a>,
    form: Form<'a>,
}

impl<'a> Reader<'a> {
    fn required(&self, field: Option<&'a str>, name: &str) -> Result<&'a str, ParseArchError> {
        let missing = || ParseProblem::Missing { decision: name.into() };
        field.ok_or_else(|| self.source.error(self.source.text.len(), missing()))
    }

    fn option(&self, decision: usize, value: &str) -> Result<u8, ParseArchError> {
        self.source.option(&self.form.decisions[decision], value, self.source.offset(value))
    }

    fn depths(&self, list: &str, options: &mut [u8]) -> Result<(), ParseArchError> {
        let stages = self.form.places.stages;
        if list.split(',').count() != stages {
            return Err(self.source.expected(self.source.offset(list), format!("{stages} depths"), list));
        }
        for (stage, value) in list.split(',').enumerate() {
            let decision = self.form.places.depth_of(stage);
            options[decision] = self.option(decision, value.trim())?;
        }
        Ok(())
    }

    /// One value per slot, or one per slot within the depths, which are read already; `first` is the decision of slot 0.
    fn slots(&self, list: &str, what: &str, first: usize, options: &mut [u8]) -> Result<(), ParseArchError> {
        let slots = self.form.places.slots;
        let active_decisions = activity(self.form.decisions, options);
        let is_active = |slot: usize| active_decisions[first + slot];
        let active = (0..slots).filter(|&slot| is_active(slot)).count();
        let given = list.split(',').count();
        let targets: Vec<usize> = match given {
            _ if given == slots => (0..slots).collect(),
            _ if given == active => (0..slots).filter(|&slot| is_active(slot)).collect(),
            _ => {
                let expected = format!("{slots} {what}, or {active} for the blocks within the depths");
                return Err(self.source.expected(self.source.offset(list), expected, list));
            }
        };
        for (slot, value) in targets.into_iter().zip(list.split(',')) {
            let value = value.trim();
            if is_active(slot) {
                options[first + slot] = self.option(first + slot, value)?;
            } else if value != "0" {
                self.option(first + slot, value)?;
            }
        }
        Ok(())
    }
}
