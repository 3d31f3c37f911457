//! Archives (tar) of images, as the WebDataset library and others write them.
//!
//! ```text
//! imagenet1k-train-0000.tar         train/0.tar       classnames.txt       photos.tar
//!   n03991062_24866.jpg               000123.jpg                             train/daisy/001.jpg
//!   n03991062_24866.cls               000123.json                            train/roses/17.png
//! ```
//!
//! Files that follow each other and are called alike up to the first dot are one sample: an image, and beside it its label,
//! `.cls` (a number or a name) or `.json` (a field of it). An image without either is of the class that its folder is called.
//! [`members`] says how an archive is read, [`sample`] what becomes of its files.

mod members;
mod sample;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use sha2::Sha256;

use super::folder::{begins_with, class_names, entries_or_none, identify_files};
use super::labels::distinct;
use super::sharded::{self, Opened};
use super::shards::{self, Shard};
use super::{Found, Reader};
use crate::load::{Content, Images, Record, Run, Sink};
use crate::{DataError, OpenOptions, Place};
use sample::Archive;

/// See the [module](self).
pub(super) struct WebDataset;

/// What marks an archive, after the name, mode, owner, size, time, checksum and link of its first member.
fn is_archive(file: &Path) -> bool {
    const MAGIC_AT: u64 = 257;
    let read = || -> std::io::Result<[u8; 5]> {
        let mut file = File::open(file)?;
        file.seek(SeekFrom::Start(MAGIC_AT))?;
        let mut magic = [0; 5];
        file.read_exact(&mut magic)?;
        Ok(magic)
    };
    !begins_with(file, b"PAR1") && read().is_ok_and(|magic| &magic == b"ustar")
}

const ARCHIVES: shards::Kind = shards::Kind { called: "archives", extensions: &["tar"], told_by: is_archive };

/// Files beside the archives that name the classes of numbers, a line each.
const NAMES: [&str; 2] = ["classnames.txt", "classes.txt"];

impl Reader for WebDataset {
    fn name(&self) -> &'static str {
        "web-dataset"
    }

    fn layout(&self) -> &'static str {
        "a tar file, or a folder of `train*.tar` and `test*.tar` (also `train/0.tar`), with images and beside each its \
         label, `000123.jpg` and `000123.cls` (or `000123.json`), or with one folder of images a class"
    }

    /// A folder without archives beside them is a class, and the archive what its images came in.
    fn detect(&self, path: &Path) -> bool {
        let has_shards = |path: &Path| !shards::find(path, &ARCHIVES).is_empty();
        has_shards(path)
            && entries_or_none(path).iter().filter(|entry| entry.is_folder).all(|entry| has_shards(&entry.path))
    }

    fn has_columns(&self) -> bool {
        true
    }

    fn read(&self, path: &Path, options: &OpenOptions) -> Result<Found, DataError> {
        let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
        let names = NAMES.iter().map(|name| root.join(name)).find(|file| file.is_file());
        let names = names.map(|file| class_names(&file)).transpose()?.map(distinct);
        let left_out = std::cell::RefCell::new(sample::LeftOut::default());
        let open = |Shard { path, partitions, .. }: Shard| -> Result<Opened<Archive>, DataError> {
            let hive = partitions.into_iter().find(|(key, _)| key == "label").map(|(_, value)| value);
            let (archive, labels) = sample::read(&path, hive, names.clone(), options, &mut left_out.borrow_mut())?;
            Ok(Opened { path: Arc::clone(&archive.path), labels, images: archive })
        };
        let together = |archives: Vec<Archive>| Arc::new(Archives::new(archives)) as Arc<dyn Images>;
        let mut found = sharded::read(path, &ARCHIVES, open, together)?;
        found.notes.extend(left_out.into_inner().notes());
        Ok(found)
    }
}

/// The images of one part.
struct Archives {
    archives: Vec<Archive>,
    /// The row after the last of each.
    ends: Vec<u32>,
}

/// Images that follow each other in an archive are read together up to so many bytes: enough that finding the place costs
/// little beside reading, on a spinning disk too.
const RUN_BYTES: u64 = 1 << 20;

impl Archives {
    fn new(archives: Vec<Archive>) -> Archives {
        let count = |end: &mut u32, archive: &Archive| {
            *end = end.saturating_add(archive.images.len() as u32);
            Some(*end)
        };
        let ends = archives.iter().scan(0, count).collect();
        Archives { archives, ends }
    }
}

impl Images for Archives {
    fn size(&self) -> Option<(usize, usize)> {
        None
    }

    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let (mut rest, mut start) = (rows, 0);
        for (archive, &end) in self.archives.iter().zip(&self.ends) {
            let (here, later) = rest.split_at(rest.partition_point(|&row| row < end));
            if !here.is_empty() {
                let mut file = crate::files::open(&archive.path)?;
                for &row in here {
                    let number = (row - start) as usize;
                    let bytes = archive.bytes(&mut file, number)?;
                    sink(Record { place: archive.place(number), content: Content::Encoded(bytes) })?;
                }
            }
            (rest, start) = (later, end);
        }
        Ok(())
    }

    fn identify(&self, _: &[u32], hash: &mut Sha256) -> Result<(), DataError> {
        identify_files(self.archives.iter().map(|archive| archive.path.as_ref()), hash)
    }

    fn runs(&self) -> Option<Vec<Run>> {
        let mut runs = Vec::new();
        let mut row = 0;
        for archive in &self.archives {
            let mut run = Run { rows: row..row, bytes: 0 };
            for image in &archive.images {
                run.bytes += u64::from(image.length);
                row += 1;
                run.rows.end = row;
                if run.bytes >= RUN_BYTES {
                    runs.push(std::mem::replace(&mut run, Run { rows: row..row, bytes: 0 }));
                }
            }
            if !run.rows.is_empty() {
                runs.push(run);
            }
        }
        Some(runs)
    }
}

impl Archive {
    /// The archive and the member of image `number`, as if the archive were a folder.
    fn place(&self, number: usize) -> Place {
        Place::file(self.path.join(self.names.get(number)))
    }

    fn bytes(&self, file: &mut File, number: usize) -> Result<Vec<u8>, DataError> {
        let image = &self.images[number];
        let io = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                let found = file_length(&self.path).saturating_sub(image.offset).min(u64::from(image.length));
                DataError::Truncated { place: self.place(number), expected: image.length.into(), found }
            }
            _ => DataError::Io { path: self.path.to_path_buf(), source: error },
        };
        file.seek(SeekFrom::Start(image.offset)).map_err(io)?;
        // Their sum was within the file when it was indexed, so this is no more memory than the file is long.
        let mut bytes = vec![0; image.length as usize];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(bytes)
    }
}

fn file_length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests;
