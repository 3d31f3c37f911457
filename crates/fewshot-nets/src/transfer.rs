//! Weights that are taken over from another network, by name.

use std::collections::BTreeMap;

use crate::values::{Transfer, WeightsError, first_channels, first_values};
use crate::view::View;
use crate::weights::{Param, RunningStats, Weights};

impl Weights {
    /// Copies every parameter, running statistic and buffer that `source` has under the same name.
    ///
    /// The kept operation of a split edge has the same name in parent and child, so it comes along like any other
    /// (and, the optimizer being built afterwards, goes on training: the published code forgot that).
    ///
    /// # Errors
    /// When a shared name has more values here along an axis: the two are not nets of one skeleton.
    pub fn transfer_from(&mut self, source: &Weights) -> Result<Transfer, WeightsError> {
        self.transfer_as(source, str::to_string)
    }

    /// The same, where `source` has under `theirs(name)` what goes under `name` here.
    ///
    /// # Errors
    /// As [`Weights::transfer_from`].
    pub fn transfer_as(&mut self, source: &Weights, theirs: impl Fn(&str) -> String) -> Result<Transfer, WeightsError> {
        self.transfer_cut(source, theirs, |_, _| None)
    }

    /// The same, where a parameter that is smaller here is what `cut`, given its name there and its shape here, sees of the
    /// source's; its first values along each axis where that says nothing.
    ///
    /// # Errors
    /// As [`Weights::transfer_from`].
    pub fn transfer_cut(
        &mut self,
        source: &Weights,
        theirs: impl Fn(&str) -> String,
        cut: impl Fn(&str, &[usize]) -> Option<View>,
    ) -> Result<Transfer, WeightsError> {
        let params: BTreeMap<&str, &Param> = source.params.iter().map(|p| (p.name.as_str(), p)).collect();
        let stats: BTreeMap<&str, &RunningStats> = source.stats.iter().map(|s| (s.name.as_str(), s)).collect();
        let mut done = Transfer { copied: 0, fresh: Vec::new() };
        for own in &mut self.params {
            let Some(found) = params.get(theirs(&own.name).as_str()) else {
                done.fresh.push(own.name.clone());
                continue;
            };
            own.value = match cut(&found.name, &own.shape) {
                Some(view) => view.flat(&mut |view| view.read_of(source.params[view.param.0].value.clone())),
                None => first_values((&found.shape, &found.value), &own.name, &own.shape)?,
            };
            done.copied += 1;
        }
        for own in &mut self.stats {
            match stats.get(theirs(&own.name).as_str()) {
                Some(found) => {
                    let channels = own.mean.dims()[0];
                    own.mean = first_channels(&own.name, &found.mean, channels)?;
                    own.var = first_channels(&own.name, &found.var, channels)?;
                    done.copied += 1;
                }
                None => done.fresh.push(own.name.clone()),
            }
        }
        self.transfer_buffers(source, theirs, &mut done)?;
        Ok(done)
    }

    /// Copies buffers that `source` has under the names that `theirs` gives, the first values along each axis.
    fn transfer_buffers(
        &mut self,
        source: &Weights,
        theirs: impl Fn(&str) -> String,
        done: &mut Transfer,
    ) -> Result<(), WeightsError> {
        for own in &mut self.buffers {
            let name = theirs(&own.name);
            match source.buffers.iter().find(|buffer| buffer.name == name) {
                Some(found) => {
                    own.value = first_values((&found.shape, &found.value), &own.name, &own.shape)?;
                    done.copied += 1;
                }
                None => done.fresh.push(own.name.clone()),
            }
        }
        Ok(())
    }
}
