//! Channel statistics and the way from bytes to floats.

use serde::{Deserialize, Serialize};

use crate::{DataError, Dataset};

/// Per channel: `(value / 255 - mean) / std`.
///
/// Always measured on the images that train (never on validation or test images), and stored with a trained network,
/// because the network is only right together with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalise {
    /// Mean of each channel, on the scale 0 to 1.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel (of the population, over all pixels of all images), on the scale 0 to 1,
    /// above 0.
    pub std: Vec<f32>,
}

impl Normalise {
    /// Measures the images at `indices`.
    ///
    /// Values are counted, not added: a histogram of the 256 values a channel is exact in integers, so neither the
    /// order nor the number of images can change the result. A constant channel gets the standard deviation 1/255 (one
    /// grey level), which avoids a division by zero and leaves it constant.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `indices` is empty or one of them is not below `dataset.len()`.
    pub fn measure(dataset: &Dataset, indices: &[u32]) -> Result<Normalise, DataError> {
        check_indices(dataset, indices)?;
        let mut counted = Counted::new(dataset.channels());
        indices.iter().for_each(|&index| counted.add(dataset.image(index as usize)));
        Ok(counted.normalise())
    }

    /// What published networks for ImageNet are normalised with: mean and standard deviation of red, green and blue that
    /// torchvision documents.
    pub fn imagenet() -> Normalise {
        Normalise { mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225] }
    }

    /// For each channel, the float of each of the 256 byte values.
    ///
    /// # Errors
    /// [`DataError::Setting`] if mean and std are not `channels` finite numbers each, or a std is not above 0.
    pub(crate) fn tables(&self, channels: usize) -> Result<Vec<[f32; 256]>, DataError> {
        if self.mean.len() != channels || self.std.len() != channels {
            let found = format!("for {} and {} channels", self.mean.len(), self.std.len());
            return Err(DataError::setting("the normalisation", found, format!("for the images' {channels}")));
        }
        let usable = |mean: f32, std: f32| mean.is_finite() && std.is_finite() && std > 0.0;
        if let Some((mean, std)) = self.mean.iter().zip(&self.std).find(|&(&mean, &std)| !usable(mean, std)) {
            let found = format!("mean {mean}, std {std}");
            return Err(DataError::setting("the normalisation", found, "finite, with a std above 0"));
        }
        let table = |(&mean, &std): (&f32, &f32)| {
            let (mean, std) = (f64::from(mean), f64::from(std));
            std::array::from_fn(|value| ((value as f64 / 255.0 - mean) / std) as f32)
        };
        Ok(self.mean.iter().zip(&self.std).map(table).collect())
    }
}

/// How often each byte value comes in each channel.
pub(crate) struct Counted(Vec<[u64; 256]>);

impl Counted {
    pub fn new(channels: usize) -> Counted {
        Counted(vec![[0; 256]; channels])
    }

    /// Adds an image, `[height, width, channels]`.
    pub fn add(&mut self, pixels: &[u8]) {
        for pixel in pixels.chunks_exact(self.0.len()) {
            for (histogram, &value) in self.0.iter_mut().zip(pixel) {
                histogram[usize::from(value)] += 1;
            }
        }
    }

    pub fn normalise(&self) -> Normalise {
        let (mean, std) = self.0.iter().map(moments).unzip();
        Normalise { mean, std }
    }
}

/// Mean and standard deviation, on the scale 0 to 1, of the byte values counted in `histogram`.
fn moments(histogram: &[u64; 256]) -> (f32, f32) {
    let count: u64 = histogram.iter().sum();
    let weighted = |weight: fn(u128) -> u128| -> u128 {
        (0..).zip(histogram).map(|(value, &times)| weight(value) * u128::from(times)).sum()
    };
    let (sum, squares) = (weighted(|value| value), weighted(|value| value * value));
    let count = u128::from(count.max(1));
    // n * sum(x^2) - sum(x)^2 is exact in integers; in floats this difference would cancel. It fits: a set of 2^45
    // values (a million images of 4096x4096) has squares below 2^61.
    let spread = count * squares - sum * sum;
    let mean = sum as f64 / count as f64 / 255.0;
    let std = (spread as f64).sqrt() / count as f64 / 255.0;
    (mean as f32, if spread == 0 { (1.0_f64 / 255.0) as f32 } else { std as f32 })
}

/// Refuses an empty list of images and indices beyond the end.
pub(crate) fn check_indices(dataset: &Dataset, indices: &[u32]) -> Result<(), DataError> {
    check_below(indices, dataset.len(), dataset.name())
}

/// The same for a data set of `len` images called `name`.
pub(crate) fn check_below(indices: &[u32], len: usize, name: &str) -> Result<(), DataError> {
    if indices.is_empty() {
        return Err(DataError::setting("the number of images", 0, "at least 1"));
    }
    match indices.iter().find(|&&index| index as usize >= len) {
        Some(index) => {
            let wanted = format!("below {len}, the number of images of `{name}`");
            Err(DataError::setting("the image index", index, wanted))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    fn colour(pixels: Vec<u8>) -> Dataset {
        let shape = Shape { height: 1, width: 2, channels: 3 };
        let labels = vec![0; pixels.len() / shape.bytes()];
        Dataset::new("test", shape, pixels, labels, vec!["only".into()]).unwrap()
    }

    #[test]
    fn moments_by_hand() {
        // Red 0, 255, 255, 0; green constant 51; blue 10, 20, 30, 40.
        let data = colour(vec![0, 51, 10, 255, 51, 20, 255, 51, 30, 0, 51, 40]);
        let Normalise { mean, std } = Normalise::measure(&data, &[0, 1]).unwrap();
        assert_eq!(mean, [0.5, 0.2, (25.0_f64 / 255.0) as f32]);
        assert_eq!(std, [0.5, (1.0_f64 / 255.0) as f32, (125.0_f64.sqrt() / 255.0) as f32]);
    }

    #[test]
    fn only_the_given_images_count() {
        let data = colour(vec![9; 6].into_iter().chain(vec![200; 6]).collect());
        let first = Normalise::measure(&data, &[0]).unwrap();
        assert_eq!(first.mean, [(9.0_f64 / 255.0) as f32; 3]);
        assert_eq!(Normalise::measure(&data, &[0, 1]).unwrap(), Normalise::measure(&data, &[1, 0]).unwrap());
    }

    #[test]
    fn tables_hold_the_formula() {
        let normalise = Normalise { mean: vec![0.25, 0.5], std: vec![0.5, 0.125] };
        let tables = normalise.tables(2).unwrap();
        assert_eq!(tables[0][0], -0.5);
        assert_eq!(tables[1][255], 4.0);
        assert_eq!(tables[0][51], -0.1);
    }

    #[test]
    fn unusable_statistics_and_indices_are_refused() {
        let says = |result: Result<Vec<[f32; 256]>, DataError>, words: &str| {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        says(Normalise { mean: vec![0.5], std: vec![0.5] }.tables(3), "for the images' 3");
        says(Normalise { mean: vec![0.5], std: vec![0.0] }.tables(1), "std above 0");
        says(Normalise { mean: vec![f32::NAN], std: vec![1.0] }.tables(1), "finite");
        let data = colour(vec![0; 6]);
        let message = Normalise::measure(&data, &[1]).unwrap_err().to_string();
        assert!(message.contains("image index is 1") && message.contains("below 1"), "{message}");
        assert!(Normalise::measure(&data, &[]).unwrap_err().to_string().contains("at least 1"));
    }
}
