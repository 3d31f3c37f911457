//! Images that stay on disk, and where each of them lies.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use fewshot_space::random;
use rand::seq::SliceRandom;

use super::order;
use crate::decode::{Decoded, Ground, Raster};
use crate::divide::{Chosen, Divided, divide, identity};
use crate::load::{self, Images, Run, in_chunks, prepare};
use crate::normalise::{Counted, check_below};
use crate::resize::Fitter;
use crate::source::{find, name_of};
use crate::{DataError, Normalise, OpenOptions, Shape};

/// Side, in pixels, that streamed images get where none is asked for: that of most networks for ImageNet.
const DEFAULT_SIDE: usize = 224;

/// Labelled images on disk, none of which is in memory.
///
/// What is: for each image its label, its row, and where it lies. 1.28 million images take 50 MB (Parquet), 85 MB (archives, for their
/// names) or some 300 MB (one file each, for their paths). [`StreamLoader`](crate::StreamLoader) and [`StreamEval`](crate::StreamEval) read them.
pub struct Stream {
    pub(super) name: String,
    pub(super) classes: Vec<String>,
    pub(super) shape: Shape,
    pub(super) ground: Option<Ground>,
    pub(super) images: Arc<dyn Images>,
    pub(super) rows: Vec<u32>,
    pub(super) labels: Vec<u32>,
    pub(super) runs: Arc<[Run]>,
    pub(super) fingerprint: String,
}

/// The test images of a streamed data set, out of reach until [`open`](SealedStream::open): see
/// [`SealedTest`](crate::SealedTest).
#[derive(Debug)]
pub struct SealedStream(Arc<Stream>);

/// A data set whose images stay on disk.
#[derive(Debug)]
pub struct StreamSource {
    /// The training images. [`Splits`](crate::Splits) part them further.
    pub train: Arc<Stream>,
    /// The test images.
    pub test: SealedStream,
    /// Name of the reader that recognised the layout.
    pub reader: &'static str,
    /// What the user should know, a line each: what was left out, or taken for another.
    pub notes: Vec<String>,
}

/// Opens the data set at `path` without reading its images: class folders, Parquet files, or archives in the layout of
/// WebDataset. Labels are read, classes matched, test images sealed as by [`open`](crate::open).
///
/// Images get the size of `options`, 224x224 where there is none, and 3 channels unless 1 is asked for: nobody looks at all of
/// them first. A damaged image is told when it is its turn; [`Stream::check`] looks for all of them.
///
/// # Errors
/// As [`open`](crate::open), apart from what can only be known of decoded images; [`DataError::NotStreamed`] for layouts whose
/// images are in one file that has to be read as a whole.
pub fn open_stream(path: impl AsRef<Path>, options: &OpenOptions) -> Result<StreamSource, DataError> {
    let path = path.as_ref();
    let (reader, found) = find(path, options)?;
    let Divided { classes, train, test, notes } = divide(path, found, options)?;
    let name = name_of(path);
    let stream = |name: String, chosen: Chosen| Stream::new(name, path, reader, classes.clone(), chosen, options);
    let test = SealedStream(Arc::new(stream(format!("{name} (test)"), test)?));
    Ok(StreamSource { train: Arc::new(stream(name, train)?), test, reader, notes })
}

impl Stream {
    fn new(
        name: String,
        path: &Path,
        reader: &'static str,
        classes: Vec<String>,
        Chosen { images, rows, labels }: Chosen,
        options: &OpenOptions,
    ) -> Result<Stream, DataError> {
        let not_streamed = || DataError::NotStreamed { path: path.to_owned(), reader };
        let runs = images.runs().ok_or_else(not_streamed)?.into();
        let (height, width) = options.image_size.unwrap_or((DEFAULT_SIDE, DEFAULT_SIDE));
        let shape = Shape { height, width, channels: options.channels.unwrap_or(3) };
        let fingerprint = identity(&classes, images.as_ref(), &rows, &labels)?;
        Ok(Stream { name, classes, shape, ground: options.ground, images, rows, labels, runs, fingerprint })
    }

    /// Name of the data set: that of its folder or file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images, at least 1.
    #[allow(clippy::len_without_is_empty)] // a data set is never empty
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Size that images get where no random part of them is cut out.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Names of the classes; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// All labels, in the order of the images.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Number of images of each class.
    pub fn counts(&self) -> Vec<usize> {
        crate::split::counts(&self.labels, self.classes.len())
    }

    /// SHA-256 (lower-case hexadecimal) over the names of the classes, the labels, and the names and lengths of the files: that of
    /// the pixels would need all of them.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Decodes every image once and drops it, on all cores: a damaged one is told before hours are spent, and not after them.
    ///
    /// # Errors
    /// Whatever is wrong with the files, the first by their order.
    pub fn check(&self) -> Result<(), DataError> {
        load::check(self.images.as_ref(), &self.rows)
    }

    /// Mean and standard deviation of each channel, measured on about `most` of the images at `indices`, which are read as they
    /// lie together and always the same. All of them would take as long as an epoch.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or goes beyond the data set, or `most` is 0; whatever is wrong with the files.
    pub fn measure(&self, indices: &[u32], most: usize) -> Result<Normalise, DataError> {
        check_below(indices, self.len(), &self.name)?;
        if most == 0 {
            return Err(DataError::setting("the number of images to measure", most, "at least 1"));
        }
        let indices = ascending(indices);
        let mut pieces = order::pieces(&self.runs, indices.iter().map(|&index| self.rows[index as usize]));
        pieces.shuffle(&mut random::stream(0, "data/stream-measure", 0, 0));
        let places = pieces.into_iter().flat_map(|piece| piece.places).take(most);
        let mut rows: Vec<u32> = places.map(|place| self.rows[indices[place as usize] as usize]).collect();
        rows.sort_unstable();
        let mut counted = Counted::new(self.shape.channels);
        let fit = |fitter: &mut Fitter, record| Ok(self.fitted(load::decoded(record, self.ground)?, fitter));
        in_chunks(self.images.as_ref(), &rows, self.shape.bytes(), fit, |raster| {
            counted.add(&raster.pixels);
            Ok(())
        })?;
        Ok(counted.normalise())
    }

    /// A decoded image in the size and with the channels of the data set.
    pub(super) fn fitted(&self, Decoded { raster, .. }: Decoded, fitter: &mut Fitter) -> Raster {
        let Shape { height, width, channels } = self.shape;
        coloured(prepare(raster, (height, width), Some(channels), fitter), channels)
    }
}

/// The image with three channels, if it is to have them.
pub(super) fn coloured(raster: Raster, channels: usize) -> Raster {
    match (raster.channels, channels) {
        (1, 3) => {
            let pixels = raster.pixels.iter().flat_map(|&value| [value; 3]).collect();
            Raster { channels, pixels, ..raster }
        }
        _ => raster,
    }
}

/// The indices in the order in which images lie on disk.
pub(super) fn ascending(indices: &[u32]) -> Vec<u32> {
    let mut ascending = indices.to_vec();
    ascending.sort_unstable();
    ascending
}

impl SealedStream {
    /// Number of test images.
    #[allow(clippy::len_without_is_empty)] // a test part is never empty
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// [`Stream::fingerprint`], which needs no look at an image.
    pub fn fingerprint(&self) -> &str {
        self.0.fingerprint()
    }

    /// [`Stream::check`].
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn check(&self) -> Result<(), DataError> {
        self.0.check()
    }

    /// Breaks the seal.
    pub fn open(&self) -> Arc<Stream> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name)
            .field("images", &self.rows.len())
            .field("shape", &self.shape)
            .field("classes", &self.classes.len())
            .finish_non_exhaustive()
    }
}
