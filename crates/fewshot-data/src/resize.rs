//! The one size that all images of a data set get.

use crate::decode::Raster;
use crate::resample::Resampler;

/// Side, in pixels, that images of mixed sizes get at most where no size is asked for.
pub(crate) const DEFAULT_SIDE: usize = 64;

/// Height and width for images of the given sizes, where none was asked for.
///
/// Images of one size keep it. Mixed ones become squares of [`DEFAULT_SIDE`], or of their median shorter side where
/// that is smaller (the median, so that one thumbnail among photographs does not decide). `None` without sizes.
pub(crate) fn default_size(sizes: &[(usize, usize)]) -> Option<(usize, usize)> {
    let first = *sizes.first()?;
    if sizes.iter().all(|&size| size == first) {
        return Some(first);
    }
    let mut shorter: Vec<usize> = sizes.iter().map(|&(height, width)| height.min(width)).collect();
    let middle = shorter.len() / 2;
    let (_, &mut median, _) = shorter.select_nth_unstable(middle);
    let side = median.min(DEFAULT_SIDE);
    Some((side, side))
}

/// Brings images to one size; keeps its buffers from image to image.
#[derive(Default)]
pub(crate) struct Fitter {
    resampler: Resampler,
}

impl Fitter {
    /// Scales `raster` to `height` x `width` without distorting it: the largest centred part of the wanted aspect ratio
    /// is cut out and resampled with a Lanczos-3 filter, widened when shrinking so that fine patterns do not alias. The
    /// same pixels as Pillow's `ImageOps.fit`.
    ///
    /// An image that has the size already is returned untouched.
    pub fn fit(&mut self, raster: Raster, height: usize, width: usize) -> Raster {
        if (raster.height, raster.width) == (height, width) {
            return raster;
        }
        let pixels = self.resampler.fit(&raster.pixels, raster.shape(), height, width);
        Raster { height, width, channels: raster.channels, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(height: usize, width: usize, channels: usize, value: impl Fn(usize, usize, usize) -> u8) -> Raster {
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                pixels.extend((0..channels).map(|channel| value(y, x, channel)));
            }
        }
        Raster { height, width, channels, pixels }
    }

    #[test]
    fn default_sizes() {
        assert_eq!(default_size(&[]), None);
        assert_eq!(default_size(&[(32, 48), (32, 48)]), Some((32, 48)));
        assert_eq!(default_size(&[(300, 200), (500, 400), (8, 8)]), Some((64, 64)));
        assert_eq!(default_size(&[(30, 20), (50, 40), (90, 50)]), Some((40, 40)));
    }

    #[test]
    fn constant_colour_stays_and_size_is_met() {
        let colour = |_, _, channel| [10, 200, 90][channel];
        for (height, width) in [(64, 64), (7, 31), (100, 13)] {
            let fitted = Fitter::default().fit(raster(50, 80, 3, colour), height, width);
            assert_eq!(fitted, raster(height, width, 3, colour));
        }
    }

    /// A wide image loses its sides, not its proportions: the bright centre square fills the result (apart from what
    /// the filter, three source pixels wide, sees beyond the cut).
    #[test]
    fn the_centre_is_kept() {
        let wide = raster(40, 120, 1, |_, x, _| if (40..80).contains(&x) { 255 } else { 0 });
        let fitted = Fitter::default().fit(wide, 20, 20);
        assert!(fitted.pixels.iter().all(|&value| value > 230), "{:?}", fitted.pixels);
    }

    /// Shrinking a one-pixel chessboard must give its mean; a filter that does not widen would alias to 0 or 255.
    #[test]
    fn shrinking_does_not_alias() {
        let board = raster(64, 64, 1, |y, x, _| if (y + x) % 2 == 0 { 255 } else { 0 });
        let fitted = Fitter::default().fit(board, 16, 16);
        assert!(fitted.pixels.iter().all(|&value| value.abs_diff(127) <= 6), "{:?}", fitted.pixels);
    }
}
