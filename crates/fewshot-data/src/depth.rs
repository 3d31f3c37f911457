//! Images of 16 bits a sample whose values are those of fewer bits.
//!
//! Of 16 bits the high byte is used. Cameras, microscopes and scanners write 10 to 14 bits into such files, often in the low ones:
//! what is left of them is dark, or black.

/// Values from which on images use what 16 bits offer.
const BRIGHT: u16 = 1 << 14;

/// What values images of 16 bits a sample have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Depth {
    images: usize,
    /// Those of 16 bits a sample.
    deep: usize,
    /// The largest value in all of these.
    largest: u16,
}

impl Depth {
    /// Counts an image; `largest` is its largest value where it has 16 bits a sample.
    pub fn add(&mut self, largest: Option<u16>) {
        self.images += 1;
        if let Some(largest) = largest {
            self.deep += 1;
            self.largest = self.largest.max(largest);
        }
    }

    /// What is to be told, if anything; that images are black altogether is told anyway.
    pub fn note(&self) -> Option<String> {
        let Depth { images, deep, largest } = *self;
        if !(1..BRIGHT).contains(&largest) {
            return None;
        }
        let bits = u16::BITS - largest.leading_zeros();
        Some(format!(
            "{deep} of {images} images have 16 bits a sample, but no value in them is above {largest}, as in data of {bits} bits: the \
             high byte is used, which is at most {} of 255 there, so they are nearly black; write them with all values times {}, or \
             with 8 bits a sample",
            largest >> 8,
            1_u32 << (u16::BITS - bits)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(values: &[Option<u16>]) -> Option<String> {
        let mut depth = Depth::default();
        values.iter().for_each(|largest| depth.add(*largest));
        depth.note()
    }

    #[test]
    fn data_of_fewer_bits_is_told_with_what_to_do() {
        let told = note(&[None, Some(4095), Some(17)]).unwrap();
        for words in ["2 of 3 images have 16 bits", "above 4095", "12 bits", "at most 15 of 255", "times 16,"] {
            assert!(told.contains(words), "{told}");
        }
        assert!(note(&[Some(255)]).unwrap().contains("at most 0 of 255"));
        // One bright image shows that dark ones are dark.
        for usual in [&[][..], &[None, None], &[Some(0)], &[Some(4095), Some(65_535)], &[Some(BRIGHT)]] {
            assert_eq!(note(usual), None, "{usual:?}");
        }
    }
}
