//! Decoded images, and what becomes of transparency.

use crate::Shape;

/// One decoded image, before it gets the size of its data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// `[height, width, channels]`, row by row.
    pub pixels: Vec<u8>,
}

impl Raster {
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Result<Raster, String> {
        if pixels.len() == height * width * channels {
            Ok(Raster { height, width, channels, pixels })
        } else {
            Err(format!("{} bytes were decoded for {height}x{width}x{channels}", pixels.len()))
        }
    }

    pub fn shape(&self) -> Shape {
        Shape { height: self.height, width: self.width, channels: self.channels }
    }
}

/// An image, and what became of its transparency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub raster: Raster,
    pub alpha: Alpha,
    /// The largest value of a colour, where the file has 16 bits a sample.
    pub largest: Option<u16>,
}

/// The high bytes of samples of 16 bits, and the largest of those that are colours: of `channels` samples a pixel the first
/// `colours`.
pub(super) fn high_bytes(
    samples: impl Iterator<Item = u16>,
    channels: usize,
    colours: usize,
) -> (Vec<u8>, Option<u16>) {
    let mut largest = 0;
    let high = samples.enumerate().map(|(at, sample)| {
        if at % channels < colours {
            largest = sample.max(largest);
        }
        (sample >> 8) as u8
    });
    let high = high.collect();
    (high, Some(largest))
}

/// What an alpha channel that was dropped had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// Nothing: there was none, all of it was opaque, or it was laid on a ground.
    Opaque,
    /// Some pixels are transparent.
    Partly,
    /// Everything: without it, all pixels have one colour.
    Alone,
}

/// The colour (red, green, blue) on which transparent images are laid.
pub type Ground = [u8; 3];

/// Pixels of `colours` channels and one of alpha, without the latter: laid on the ground, or as they are stored below
/// it. Also the number of channels that is left.
pub(super) fn flatten(pixels: &[u8], colours: usize, ground: Option<Ground>) -> (usize, Vec<u8>, Alpha) {
    let of_pixels = || pixels.chunks_exact(colours + 1);
    let opaque = of_pixels().all(|pixel| pixel[colours] == u8::MAX);
    let Some(ground) = ground.filter(|_| !opaque) else {
        let plain: Vec<u8> = of_pixels().flat_map(|pixel| &pixel[..colours]).copied().collect();
        let first = plain.get(..colours).unwrap_or(&[]);
        let alpha = match (opaque, plain.chunks_exact(colours).all(|pixel| pixel == first)) {
            (true, _) => Alpha::Opaque,
            (false, true) => Alpha::Alone,
            (false, false) => Alpha::Partly,
        };
        return (colours, plain, alpha);
    };
    let channels = if ground.iter().all(|&value| value == ground[0]) { colours } else { 3 };
    let on_ground = |pixel: &[u8]| {
        let alpha = u32::from(pixel[colours]);
        std::array::from_fn::<u8, 3, _>(|channel| {
            // Rounded as Pillow's `paste` with a mask rounds it.
            let colour = u32::from(pixel[channel.min(colours - 1)]);
            let sum = colour * alpha + u32::from(ground[channel]) * (255 - alpha) + 128;
            (((sum >> 8) + sum) >> 8) as u8
        })
    };
    let laid: Vec<u8> = of_pixels().flat_map(|pixel| on_ground(pixel).into_iter().take(channels)).collect();
    (channels, laid, Alpha::Opaque)
}
