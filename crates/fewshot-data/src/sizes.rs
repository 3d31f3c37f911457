//! What sizes the images on disk have, and what becomes of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Height and width of an image, in pixels; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
}

/// What sizes the training images have on disk, upright as their EXIF block says, and what size all images get.
///
/// [`Display`](fmt::Display) tells it in one line, for example `152x240 to 500x333 pixels (37 sizes, median 240x320),
/// cut to the centre square and resized to 64x64 (chosen: the sizes differ)`; sizes are height x width.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// How many different sizes there are, at least 1.
    pub different: usize,
    /// The size with the fewest pixels; of equally many, the lower one.
    pub smallest: Size,
    /// The size of the image in the middle, when they are ordered by their number of pixels, then by height.
    pub median: Size,
    /// The size with the most pixels; of equally many, the higher one.
    pub largest: Size,
    /// The size that all images get.
    pub size: Size,
    /// Training images that have another size on disk, and are resized with a Lanczos-3 filter.
    pub resized: usize,
    /// Training images of which only the largest centred part with the aspect ratio of `size` is used.
    pub cut: usize,
    /// Who chose `size`.
    pub choice: SizeChoice,
}

/// Who chose the size of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeChoice {
    /// Nobody: the images have one size, and keep it.
    Kept,
    /// The program: the images have several sizes, and none was asked for.
    Program,
    /// Whoever opened the data set, by [`OpenOptions::image_size`](crate::OpenOptions::image_size).
    Asked,
    /// The program, for what is to be done with the images, in place of what it would choose by them alone. [`open`](crate::open) never
    /// says so: who opens a data set at a size that nobody asked for does.
    Suited,
}

/// How many images have each (height, width).
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<(usize, usize), usize>);

impl Tally {
    pub fn add(&mut self, size: (usize, usize)) {
        *self.0.entry(size).or_default() += 1;
    }

    /// What is to be told of these images, which all become `(height, width)`; `None` if there are none.
    pub fn sizes(&self, (height, width): (usize, usize), asked: bool) -> Option<Sizes> {
        let mut counted: Vec<((usize, usize), usize)> = self.0.iter().map(|(&size, &count)| (size, count)).collect();
        counted.sort_by_key(|&((height, width), _)| (height * width, height));
        let images: usize = counted.iter().map(|&(_, count)| count).sum();
        let size = |(height, width)| Size { height, width };
        let mut before = 0;
        let median = counted.iter().find(|&&(_, count)| {
            before += count;
            before > images / 2
        })?;
        let where_size = |matters: &dyn Fn(usize, usize) -> bool| -> usize {
            counted.iter().filter(|&&((height, width), _)| matters(height, width)).map(|&(_, count)| count).sum()
        };
        Some(Sizes {
            different: counted.len(),
            smallest: size(counted.first()?.0),
            median: size(median.0),
            largest: size(counted.last()?.0),
            size: size((height, width)),
            resized: where_size(&|rows, columns| (rows, columns) != (height, width)),
            cut: where_size(&|rows, columns| rows * width != columns * height),
            choice: match (asked, counted.len()) {
                (true, _) => SizeChoice::Asked,
                (false, 1) => SizeChoice::Kept,
                (false, _) => SizeChoice::Program,
            },
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes { different, smallest, median, largest, size, .. } = self;
        match different {
            1 => write!(f, "all {smallest} pixels, ")?,
            _ => write!(f, "{smallest} to {largest} pixels ({different} sizes, median {median}), ")?,
        }
        match (self.resized, self.cut) {
            (0, _) => write!(f, "used as they are")?,
            (_, 0) => write!(f, "resized to {size}")?,
            _ if size.height == size.width => write!(f, "cut to the centre square and resized to {size}")?,
            _ => write!(f, "cut to this shape around the centre and resized to {size}")?,
        }
        match self.choice {
            SizeChoice::Kept => Ok(()),
            SizeChoice::Program => write!(f, " (chosen: the sizes differ)"),
            SizeChoice::Asked => write!(f, " (as given)"),
            SizeChoice::Suited => write!(f, " (chosen)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(found: &[(usize, usize)], size: (usize, usize), asked: bool) -> Sizes {
        let mut tally = Tally::default();
        found.iter().for_each(|&size| tally.add(size));
        tally.sizes(size, asked).unwrap()
    }

    #[test]
    fn one_line_tells_it() {
        let photographs = [(240, 320), (500, 333), (240, 320), (152, 240), (333, 500)];
        for (found, size, asked, text) in [
            (
                &photographs[..],
                (64, 64),
                false,
                "152x240 to 500x333 pixels (4 sizes, median 240x320), cut to the centre square and resized to 64x64 \
                 (chosen: the sizes differ)",
            ),
            (
                &photographs[..2],
                (48, 64),
                true,
                "240x320 to 500x333 pixels (2 sizes, median 500x333), cut to this shape around the centre and resized \
                 to 48x64 (as given)",
            ),
            (&[(28, 28); 3], (28, 28), false, "all 28x28 pixels, used as they are"),
            (&[(28, 28); 3], (28, 28), true, "all 28x28 pixels, used as they are (as given)"),
            (&[(96, 48); 3], (32, 16), true, "all 96x48 pixels, resized to 32x16 (as given)"),
        ] {
            assert_eq!(sizes(found, size, asked).to_string(), text);
        }
        let suited = Sizes { choice: SizeChoice::Suited, ..sizes(&[(96, 96)], (32, 32), true) };
        assert_eq!(suited.to_string(), "all 96x96 pixels, resized to 32x32 (chosen)");
    }

    #[test]
    fn images_are_counted() {
        let found = [(10, 10), (20, 20), (20, 10), (30, 10), (10, 30), (64, 64)];
        let Sizes { different, smallest, median, largest, resized, cut, choice, .. } = sizes(&found, (10, 10), false);
        assert_eq!((different, resized, cut, choice), (6, 5, 3, SizeChoice::Program));
        // 100, 200, then 300 twice (10 rows first), 400, 4096 pixels: the fourth of six is in the middle.
        let size = |height, width| Size { height, width };
        assert_eq!([smallest, median, largest], [size(10, 10), size(30, 10), size(64, 64)]);
        assert!(Tally::default().sizes((1, 1), false).is_none());
    }
}
