//! Pieces of a stage's work side by side, each with a value of its own that is kept as soon as it is there.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::state::{load_json, save_json};
use crate::lab::ExperimentError;
use crate::run::{StageContext, in_lanes};

/// Work that falls into pieces which need nothing of each other.
pub trait Piecework: Sync {
    /// What tells one piece from the others.
    type Piece: Sync;
    /// What a piece leaves.
    type Value: Serialize + DeserializeOwned + Send;

    /// The file of a piece's value, in the stage's folder.
    fn value_file(&self, piece: &Self::Piece) -> PathBuf;

    /// Does a piece, from where an earlier process left it.
    ///
    /// # Errors
    /// When it fails or is interrupted.
    fn work(&self, piece: &Self::Piece) -> Result<Self::Value, ExperimentError>;

    /// Files that are of no use once its value is kept.
    fn leftovers(&self, piece: &Self::Piece) -> Vec<PathBuf>;
}

/// Does all pieces, several at a time, and gives their values in the order of the pieces. What an earlier process ended is not
/// done again, and what is left shares the threads, however little it is.
///
/// # Errors
/// The first error of a piece; values that are kept by then stay.
pub fn side_by_side<W: Piecework>(
    context: &StageContext<'_>,
    work: &W,
    pieces: &[W::Piece],
) -> Result<Vec<W::Value>, ExperimentError> {
    let known = pieces.iter().map(|piece| load_json(&work.value_file(piece)));
    let mut values = known.collect::<Result<Vec<Option<W::Value>>, ExperimentError>>()?;
    let left: Vec<usize> = (0..pieces.len()).filter(|&index| values[index].is_none()).collect();
    let one = |&index: &usize| {
        context.interrupt().check()?;
        let piece = &pieces[index];
        let value = work.work(piece)?;
        save_json(&work.value_file(piece), &value)?;
        for file in work.leftovers(piece) {
            // One that stays does no harm.
            let _ = std::fs::remove_file(file);
        }
        Ok(value)
    };
    in_lanes(context.interrupt(), &left, one, |position, value| {
        values[left[position]] = Some(value);
        Ok::<_, ExperimentError>(())
    })?;
    Ok(values.into_iter().flatten().collect())
}
