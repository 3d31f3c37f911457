//! Data sets whose images lie many to a file: from the files of each part to the parts.

use std::path::Path;
use std::sync::Arc;

use super::labels::{self, Classed, Labels};
use super::shards::{self, Kind, Shard};
use super::{Found, Part};
use crate::DataError;
use crate::load::Images;

/// A shard whose labels were read.
pub(super) struct Opened<I> {
    pub path: Arc<Path>,
    pub labels: Labels,
    /// What its images are read from.
    pub images: I,
}

/// The shards of one part.
struct Files<I> {
    images: Vec<I>,
    labels: Vec<(Arc<Path>, Labels)>,
}

/// Reads the shards of `kind` at `path`: `open` reads the labels of one, `together` makes the images of a part of all of it.
pub(super) fn read<I>(
    path: &Path,
    kind: &Kind,
    open: impl Fn(Shard) -> Result<Opened<I>, DataError>,
    together: impl Fn(Vec<I>) -> Arc<dyn Images>,
) -> Result<Found, DataError> {
    let mut notes = Vec::new();
    let shards::Parts { train, tests } = shards::parts(path, kind, &mut notes)?;
    let open_all = |shards: Vec<Shard>| -> Result<Files<I>, DataError> {
        let mut files = Files { images: Vec::new(), labels: Vec::new() };
        for shard in shards {
            let Opened { path, labels, images } = open(shard)?;
            files.labels.push((path, labels));
            files.images.push(images);
        }
        Ok(files)
    };
    let train = open_all(train)?;
    let mut test: Option<Files<I>> = None;
    for (name, shards) in tests {
        if shards.is_empty() {
            continue;
        }
        if test.is_some() {
            notes.push(format!("the {name} part is not used: there is a test part"));
            continue;
        }
        let files = open_all(shards)?;
        if files.labels.iter().all(|(_, labels)| labels.are_withheld()) {
            notes.push(format!("the {name} part has no labels (all are -1) and is not used"));
        } else {
            test = Some(files);
        }
    }
    let known = train.names().or_else(|| test.as_ref().and_then(Files::names));
    let part = |files: Files<I>| files.part(path, known.as_ref(), &together);
    let train = if train.labels.is_empty() { None } else { Some(part(train)?) };
    Ok(Found { train, test: test.map(part).transpose()?, notes })
}

impl<I> Files<I> {
    /// Class names of the first file that has any.
    fn names(&self) -> Option<Vec<String>> {
        self.labels.iter().find_map(|(_, labels)| labels.names()).cloned()
    }

    fn part(
        self,
        root: &Path,
        known: Option<&Vec<String>>,
        together: &impl Fn(Vec<I>) -> Arc<dyn Images>,
    ) -> Result<Part, DataError> {
        let path = self.labels.first().map_or_else(|| root.to_owned(), |(path, _)| path.to_path_buf());
        let Classed { classes, labels } = labels::together(&self.labels, known)?;
        Ok(Part { path, classes, labels, images: together(self.images) })
    }
}
