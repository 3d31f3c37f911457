//! A stage whose work is many pieces that need nothing of each other, cut into stages of their own.
//!
//! Pieces are dealt out like cards, so that neighbours, which cost alike, go to different shards; what the shards leave is put
//! back in the order of the pieces. So nothing that comes out depends on how many shards there were.

use std::iter::StepBy;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lab::ExperimentError;
use crate::run::{Handle, Stage, StageContext};

/// Pieces of one shard, ascending.
pub type Pieces = StepBy<Range<usize>>;

/// How pieces are dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards {
    pieces: usize,
    shards: usize,
}

impl Shards {
    /// So many pieces in so many shards, or fewer, as none is empty. `wanted` 0 or 1: the stage is not cut.
    pub fn new(pieces: usize, wanted: usize) -> Self {
        Self { pieces, shards: wanted.clamp(1, pieces.max(1)) }
    }

    /// Whether there is more than one.
    pub fn is_cut(&self) -> bool {
        self.shards > 1
    }

    /// The stages of the shards of the stage `name`, each of which leaves the values of its pieces.
    pub fn handles<T>(&self, name: &str) -> Vec<Handle<Vec<T>>> {
        (1..=self.shards).map(|number| Handle::named(format!("{name}-shard{number}"))).collect()
    }

    /// The shard of a piece.
    pub fn of(&self, piece: usize) -> usize {
        piece % self.shards
    }

    /// The pieces of a shard, ascending.
    pub fn pieces(&self, shard: usize) -> Pieces {
        (shard..self.pieces).step_by(self.shards)
    }

    /// The stages that do all pieces, as `stage` lays out the one that does some of them: the stage `own` alone, or one for each shard
    /// before it, whose values it puts together.
    pub fn stages<'a, T: Serialize + DeserializeOwned + 'a>(
        self,
        own: &Handle<Vec<T>>,
        stage: impl Fn(&Handle<Vec<T>>, Pieces) -> Stage<'a>,
    ) -> Vec<Stage<'a>> {
        if !self.is_cut() {
            return vec![stage(own, self.pieces(0))];
        }
        let handles = self.handles(own.name());
        let shards = handles.iter().enumerate().map(|(shard, handle)| stage(handle, self.pieces(shard)));
        let mut stages: Vec<Stage<'a>> = shards.collect();
        let inputs: Vec<String> = handles.iter().map(String::from).collect();
        stages.push(Stage::of(own, move |context| self.gather(context, &handles)).after(inputs));
        stages
    }

    /// What the shards left, in the order of the pieces.
    ///
    /// # Errors
    /// When a shard left another number of values than it had pieces.
    pub fn gather<T: DeserializeOwned>(
        &self,
        context: &StageContext<'_>,
        shards: &[Handle<Vec<T>>],
    ) -> Result<Vec<T>, ExperimentError> {
        let mut values: Vec<Option<T>> = Vec::new();
        values.resize_with(self.pieces, || None);
        for (shard, stage) in shards.iter().enumerate() {
            let left = context.value(stage)?;
            let (found, expected) = (left.len(), self.pieces(shard).count());
            if found != expected {
                let path = format!("{}/done.json", stage.name());
                return Err(ExperimentError::State {
                    path,
                    reason: format!("{found} values for {expected} pieces of work"),
                });
            }
            for (piece, value) in self.pieces(shard).zip(left) {
                values[piece] = Some(value);
            }
        }
        Ok(values.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_in_one_shard_and_none_is_empty() {
        for (pieces, wanted) in [(0, 4), (1, 4), (7, 0), (7, 1), (7, 3), (7, 7), (7, 100), (64, 10)] {
            let shards = Shards::new(pieces, wanted);
            let count = shards.handles::<u8>("a").len();
            assert_eq!(shards.is_cut(), count > 1);
            let mut dealt: Vec<usize> = (0..count).flat_map(|shard| shards.pieces(shard)).collect();
            assert!(pieces == 0 || (0..count).all(|shard| shards.pieces(shard).next().is_some()));
            assert!((0..count).all(|shard| shards.pieces(shard).all(|piece| shards.of(piece) == shard)));
            dealt.sort_unstable();
            assert_eq!(dealt, (0..pieces).collect::<Vec<_>>());
        }
    }
}
