//! From the images of a reader to the pixels of a [`Dataset`](crate::Dataset): one size, one number of channels.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use sha2::Sha256;

use crate::decode::{self, Decoded, Ground, Raster};
use crate::depth::Depth;
use crate::files;
use crate::plain::{Plain, plain};
use crate::resize::{self, Fitter};
use crate::sizes::{Sizes, Tally};
use crate::transparency::Transparency;
use crate::{DataError, OpenOptions, Place, Shape};

/// The images of one part (training or test) of a data set, as a reader found them; nothing is decoded yet.
pub(crate) trait Images: Send + Sync {
    /// Height and width of all images, where the format has just one size.
    fn size(&self) -> Option<(usize, usize)>;

    /// Hands the images at `rows` (ascending, each below the number of labels) to `sink`, in this order, and checks the
    /// rest of the files as far as it costs little.
    fn visit(&self, rows: &[u32], sink: &mut Sink<'_>) -> Result<(), DataError>;

    /// Hashes what tells the images at `rows` from others without a look into them: names and lengths of files.
    fn identify(&self, rows: &[u32], hash: &mut Sha256) -> Result<(), DataError>;

    /// The pieces in which the images lie on disk, in the order of their rows, all rows in one of them. `None`: they cannot
    /// be visited in pieces without reading all of them.
    fn runs(&self) -> Option<Vec<Run>> {
        None
    }
}

/// Images that are best read together: they follow each other in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub rows: Range<u32>,
    /// What [`Images::visit`] holds of them in memory, all together; 0 where it hands over files to be read.
    pub bytes: u64,
}

/// Takes one image; its error ends the visit.
pub(crate) type Sink<'a> = dyn FnMut(Record) -> Result<(), DataError> + 'a;

/// One image on its way in.
pub(crate) struct Record {
    pub place: Place,
    pub content: Content,
}

/// What is known of an image before it is decoded.
pub(crate) enum Content {
    /// An image file of its own, at the record's place: read by the thread that decodes it.
    File,
    /// The bytes of an image file.
    Encoded(Vec<u8>),
    /// Pixels.
    Raw(Raster),
}

/// What the images are to become.
pub(crate) struct Target {
    /// Height and width; `None`: see [`resize::default_size`].
    pub size: Option<(usize, usize)>,
    /// Channels; `None`: 1 if all images are grey, else 3.
    pub channels: Option<usize>,
    /// What transparent images are laid on; `None`: their alpha channel is dropped.
    pub ground: Option<Ground>,
    /// Bytes that the pixels may take.
    pub max_bytes: u64,
}

impl Target {
    /// What `options` ask for.
    pub fn of(options: &OpenOptions) -> Target {
        let OpenOptions { image_size, channels, ground, max_bytes, .. } = *options;
        Target { size: image_size, channels, ground, max_bytes }
    }
}

/// Images that are decoded at once: enough to keep all cores busy, few enough not to matter in memory.
const CHUNK_IMAGES: usize = 512;
/// The same in bytes, of encoded images as of those that are ready, for those of many megabytes.
const CHUNK_BYTES: usize = 64 << 20;
/// Bytes that reading takes at most beside the pixels that are kept: images in decoding, those read, and those ready. One
/// image that takes more by itself, and a page of a Parquet file, come on top.
pub(crate) const READING_BYTES: u64 = decode::ROOM + 2 * CHUNK_BYTES as u64;
/// The part of an image file that is read for its size; it holds the header even behind an EXIF thumbnail of 64 KiB.
const HEADER_BYTES: u64 = 128 << 10;

/// Images that were read.
pub(crate) struct Loaded {
    pub shape: Shape,
    /// Of all images, one after the other.
    pub pixels: Vec<u8>,
    /// The sizes that they had; `None` if there are no images.
    pub sizes: Option<Sizes>,
    /// What was transparent.
    pub transparency: Transparency,
    /// How much of 16 bits a sample was used.
    pub depth: Depth,
    /// Those with one colour all over, in their order; not those that are so only without their alpha channel.
    pub plain: Vec<Plain>,
}

/// Reads the images at `rows`, decodes and resizes them on all cores, and returns them in the order of `rows`.
pub(crate) fn load(images: &dyn Images, rows: &[u32], target: &Target) -> Result<Loaded, DataError> {
    let size = match target.size.or_else(|| images.size()) {
        Some(size) => size,
        None => resize::default_size(&sizes(images, rows)?).unwrap_or((resize::DEFAULT_SIDE, resize::DEFAULT_SIDE)),
    };
    let mut pixels = Pixels::new(rows.len(), size, target)?;
    let (mut found, mut transparency, mut depth) = (Tally::default(), Transparency::default(), Depth::default());
    let (mut index, mut plain_ones) = (0, Vec::new());
    let ready = size.0 * size.1 * target.channels.unwrap_or(3);
    in_chunks(
        images,
        rows,
        ready,
        |fitter: &mut Fitter, record| {
            let place = record.place.clone();
            let Decoded { raster, alpha, largest } = decoded(record, target.ground)?;
            let is_black = plain(&raster).filter(|_| alpha != decode::Alpha::Alone);
            let seen = is_black.map(|is_black| (place, is_black));
            let on_disk = (raster.height, raster.width);
            Ok((on_disk, alpha, largest, seen, prepare(raster, size, target.channels, fitter)))
        },
        |(size, alpha, largest, seen, raster)| {
            found.add(size);
            transparency.add(alpha);
            depth.add(largest);
            plain_ones.extend(seen.map(|(place, is_black)| Plain { index, place, is_black }));
            index += 1;
            pixels.push(&raster)
        },
    )?;
    let (shape, pixels) = pixels.finish();
    let sizes = found.sizes(size, target.size.is_some());
    Ok(Loaded { shape, pixels, sizes, transparency, depth, plain: plain_ones })
}

/// Decodes the images at `rows` and drops them: a damaged one is told before hours are spent, and not after.
pub(crate) fn check(images: &dyn Images, rows: &[u32]) -> Result<(), DataError> {
    in_chunks(images, rows, 0, |_: &mut (), record| decoded(record, None).map(drop), |()| Ok(()))
}

pub(crate) fn decoded(Record { place, content }: Record, ground: Option<Ground>) -> Result<Decoded, DataError> {
    let decoded = match content {
        Content::File => decode::decode(&files::read(&place.file)?, ground),
        Content::Encoded(bytes) => decode::decode(&bytes, ground),
        Content::Raw(raster) => Ok(Decoded { raster, alpha: decode::Alpha::Opaque, largest: None }),
    };
    decoded.map_err(|reason| DataError::Image { place, reason })
}

/// Decodes one image file to the given shape, by the same rules as the images of a data set, so that a trained network
/// can be asked about it. A transparent image is laid on `ground`, or loses its alpha channel.
///
/// Returns `[height, width, channels]`, row by row.
///
/// # Errors
/// [`DataError::NotFound`], [`DataError::Io`], or [`DataError::Image`] if it is damaged or no image of a format that is
/// read.
pub fn read_image(path: impl AsRef<Path>, shape: Shape, ground: Option<Ground>) -> Result<Vec<u8>, DataError> {
    let path = path.as_ref();
    let size = (shape.height, shape.width);
    let target = Target { size: Some(size), channels: Some(shape.channels), ground, max_bytes: shape.bytes() as u64 };
    let mut pixels = Pixels::new(1, size, &target)?;
    let Decoded { raster, .. } = decoded(Record { place: Place::file(path), content: Content::File }, ground)?;
    pixels.push(&prepare(raster, size, target.channels, &mut Fitter::default()))?;
    Ok(pixels.finish().1)
}

/// Brings a decoded image to its size, in grey if that is asked for: before it is resized, as people do it in Python.
pub(crate) fn prepare(
    raster: Raster,
    (height, width): (usize, usize),
    channels: Option<usize>,
    fitter: &mut Fitter,
) -> Raster {
    fitter.fit(in_channels(raster, channels), height, width)
}

/// The image in grey, if that is asked for.
pub(crate) fn in_channels(raster: Raster, channels: Option<usize>) -> Raster {
    match (raster.channels, channels) {
        (3, Some(1)) => Raster { channels: 1, pixels: raster.pixels.chunks_exact(3).map(luma).collect(), ..raster },
        _ => raster,
    }
}

/// Height and width of each of the images at `rows`, from their headers alone.
fn sizes(images: &dyn Images, rows: &[u32]) -> Result<Vec<(usize, usize)>, DataError> {
    let mut sizes = Vec::with_capacity(rows.len());
    in_chunks(
        images,
        rows,
        0,
        |_: &mut (), record| {
            let Record { place, content } = record;
            let size = match content {
                Content::File => file_size_in_pixels(&place.file)?,
                Content::Encoded(bytes) => decode::dimensions(&bytes),
                Content::Raw(raster) => Ok((raster.height, raster.width)),
            };
            size.map_err(|reason| DataError::Image { place, reason })
        },
        |size| {
            sizes.push(size);
            Ok(())
        },
    )?;
    Ok(sizes)
}

/// Height and width of an image file: from its beginning, or, if that is not enough, from all of it.
fn file_size_in_pixels(path: &Path) -> Result<Result<(usize, usize), String>, DataError> {
    use std::io::Read as _;
    let file = files::open(path)?;
    let mut start = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut start).map_err(DataError::io(path))?;
    match decode::dimensions(&start) {
        Err(_) if start.len() as u64 == HEADER_BYTES => Ok(decode::dimensions(&files::read(path)?)),
        size => Ok(size),
    }
}

/// Applies `work` to the images at `rows` on all cores, with one `S` a thread, and hands the results, of about `ready`
/// bytes each, to `take` in order.
///
/// Of several errors in one chunk, the first in the order of the rows is returned, so the message does not depend on
/// timing.
pub(crate) fn in_chunks<S: Default, T: Send>(
    images: &dyn Images,
    rows: &[u32],
    ready: usize,
    work: impl Fn(&mut S, Record) -> Result<T, DataError> + Sync,
    mut take: impl FnMut(T) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut flush = |chunk: &mut Vec<Record>| {
        let records = std::mem::take(chunk);
        let results: Vec<_> = records.into_par_iter().map_init(S::default, &work).collect();
        results.into_iter().try_for_each(|result| take(result?))
    };
    let most = CHUNK_BYTES.checked_div(ready).unwrap_or(CHUNK_IMAGES).clamp(rayon::current_num_threads(), CHUNK_IMAGES);
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    images.visit(rows, &mut |record| {
        bytes += match &record.content {
            Content::File => 0,
            Content::Encoded(data) => data.len(),
            Content::Raw(raster) => raster.pixels.len(),
        };
        chunk.push(record);
        if chunk.len() >= most || bytes >= CHUNK_BYTES {
            bytes = 0;
            flush(&mut chunk)?;
        }
        Ok(())
    })?;
    flush(&mut chunk)
}

/// Pixels of many images, growing: one channel as long as all are grey, three from the first coloured one on.
///
/// Grey means red = green = blue in every pixel, after resizing. So a set of scans stored as colour files is found to
/// be grey without a look at all files first, and never takes three times its memory. Where three channels are asked for,
/// there are three from the start; where one is, all images are grey when they come.
struct Pixels {
    shape: Shape,
    images: usize,
    max_bytes: u64,
    data: Vec<u8>,
}

impl Pixels {
    fn new(images: usize, (height, width): (usize, usize), target: &Target) -> Result<Pixels, DataError> {
        let shape = Shape { height, width, channels: target.channels.unwrap_or(1) };
        let mut pixels = Pixels { shape, images, max_bytes: target.max_bytes, data: Vec::new() };
        pixels.reserve()?;
        Ok(pixels)
    }

    /// Makes room for all images at once: growing step by step would take twice the memory for a moment.
    fn reserve(&mut self) -> Result<(), DataError> {
        let Shape { height, width, channels } = self.shape;
        let bytes = [height, width, channels]
            .iter()
            .fold(self.images as u64, |product, &factor| product.saturating_mul(factor as u64));
        let too_large =
            DataError::TooLarge { images: self.images, height, width, channels, bytes, limit: self.max_bytes };
        if bytes > self.max_bytes {
            return Err(too_large);
        }
        let missing = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(self.data.len());
        self.data.try_reserve_exact(missing).map_err(|_| too_large)
    }

    fn push(&mut self, raster: &Raster) -> Result<(), DataError> {
        let pixels = &raster.pixels;
        match (raster.channels, self.shape.channels) {
            (have, want) if have == want => self.data.extend_from_slice(pixels),
            (1, _) => self.data.extend(pixels.iter().flat_map(|&value| [value; 3])),
            _ if pixels.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]) => {
                self.data.extend(pixels.chunks_exact(3).map(|pixel| pixel[0]));
            }
            _ => {
                self.widen()?;
                self.data.extend_from_slice(pixels);
            }
        }
        Ok(())
    }

    /// Turns what is there from one channel into three, in place, from the end.
    fn widen(&mut self) -> Result<(), DataError> {
        self.shape.channels = 3;
        self.reserve()?;
        let grey = self.data.len();
        self.data.resize(3 * grey, 0);
        for at in (0..grey).rev() {
            let value = self.data[at];
            self.data[3 * at..3 * at + 3].fill(value);
        }
        Ok(())
    }

    fn finish(self) -> (Shape, Vec<u8>) {
        (self.shape, self.data)
    }
}

/// Brightness of a red, green, blue pixel, weighted as in ITU-R BT.601 (that of JPEG), in the fixed-point numbers of
/// Pillow's `convert("L")`.
pub(crate) fn luma(pixel: &[u8]) -> u8 {
    let weighted = 19_595 * u32::from(pixel[0]) + 38_470 * u32::from(pixel[1]) + 7_471 * u32::from(pixel[2]);
    ((weighted + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(channels: Option<usize>, images: &[&[u8]]) -> (Shape, Vec<u8>) {
        let target = Target { size: None, channels, ground: None, max_bytes: 1000 };
        let mut pixels = Pixels::new(images.len(), (1, 2), &target).unwrap();
        for image in images {
            let raster = Raster { height: 1, width: 2, channels: image.len() / 2, pixels: image.to_vec() };
            pixels.push(&prepare(raster, (1, 2), channels, &mut Fitter::default())).unwrap();
        }
        pixels.finish()
    }

    #[test]
    fn grey_stays_one_channel_however_it_was_stored() {
        let (shape, data) = pixels(None, &[&[1, 2], &[3, 3, 3, 4, 4, 4]]);
        assert_eq!((shape.channels, data), (1, vec![1, 2, 3, 4]));
    }

    #[test]
    fn the_first_colour_widens_what_came_before() {
        let (shape, data) = pixels(None, &[&[1, 2], &[3, 3, 3, 4, 5, 6], &[7, 8]]);
        assert_eq!((shape.channels, data), (3, vec![1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8]));
    }

    #[test]
    fn asked_channels_are_kept() {
        let (shape, data) = pixels(Some(1), &[&[255, 0, 0, 255, 255, 255], &[9, 8]]);
        assert_eq!((shape.channels, data), (1, vec![76, 255, 9, 8]));
        let (shape, data) = pixels(Some(3), &[&[1, 2]]);
        assert_eq!((shape.channels, data), (3, vec![1, 1, 1, 2, 2, 2]));
    }

    #[test]
    fn memory_is_bounded() {
        let target = Target { size: None, channels: None, ground: None, max_bytes: 4 };
        assert!(Pixels::new(3, (1, 2), &target).is_err());
        let mut pixels = Pixels::new(2, (1, 2), &target).unwrap();
        let colour = Raster { height: 1, width: 2, channels: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
        let message = pixels.push(&colour).unwrap_err().to_string();
        assert!(message.contains("take 12 bytes, more than the 4 allowed"), "{message}");
    }
}
