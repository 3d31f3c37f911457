//! What every kind of experiment is to those that begin it and go on with it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::outcome::Outcome;
use super::recipe::Recipe;
use crate::lab::{ExperimentError, Lab};
use crate::run::{Fingerprint, RunFolder, Stage};
use crate::stages::Passed;

/// An experiment laid out on its data: what its stages read and none changes.
pub trait Bench {
    /// Images and networks; `None` where it reads tables alone.
    fn lab(&self) -> Option<&Lab>;

    /// Names the data that it depends on.
    fn fingerprint(&self) -> Fingerprint;

    /// What it goes by, with all that was found in the data and chosen for it.
    fn recipe(&self) -> Recipe;

    /// Looks at files that stages will read, before there is a folder: what is wrong with one is said now, and not after hours. What was
    /// seen of them becomes part of [`Bench::recipe`], so that stages know them again.
    ///
    /// # Errors
    /// When one cannot be read, or does not fit.
    fn look_ahead(&mut self) -> Result<(), ExperimentError> {
        Ok(())
    }

    /// The same with all that its budget of time decides; `None` for a kind that shares no time.
    ///
    /// # Errors
    /// When what has to be timed fails.
    fn planned(&self, _: &Passed) -> Result<Option<Box<dyn Bench>>, ExperimentError> {
        Ok(None)
    }

    /// What it will do, a line each.
    ///
    /// # Errors
    /// When that cannot be told.
    fn announcement(&self) -> Result<Vec<String>, ExperimentError> {
        Ok(Vec::new())
    }

    /// Its stages, a function of recipe and data alone.
    ///
    /// # Errors
    /// When the recipe asks for what the data or the space does not have.
    fn stages(&self) -> Result<Vec<Stage<'_>>, ExperimentError>;

    /// What it ends with, from the values of its stages.
    ///
    /// # Errors
    /// When a value is not what its stage leaves.
    fn outcome(&self, run: &RunFolder, values: &BTreeMap<String, Value>) -> Result<Outcome, ExperimentError>;
}
