//! Transparent images, which lose something where their alpha channel is dropped.

use crate::DataError;
use crate::decode::{Alpha, Ground};

/// The colour that `text` names: `white`, `black`, `grey`, or red, green and blue as six hexadecimal digits (`ff8000`).
///
/// # Errors
/// [`DataError::Setting`] if it is none of these.
pub fn ground(text: &str) -> Result<Ground, DataError> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let channel = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let hexadecimal = || Some([channel(0)?, channel(2)?, channel(4)?]).filter(|_| digits.len() == 6 && is_hexadecimal);
    let found = match text {
        "white" => Some([255; 3]),
        "black" => Some([0; 3]),
        "grey" | "gray" => Some([128; 3]),
        _ => hexadecimal(),
    };
    let wanted = "white, black, grey, or red, green and blue as six hexadecimal digits (ff8000)";
    found.ok_or_else(|| DataError::setting("the ground", text, wanted))
}

/// How many images are transparent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Transparency {
    images: usize,
    /// With transparent pixels.
    partly: usize,
    /// Of one colour without their alpha channel.
    alone: usize,
}

impl Transparency {
    pub fn add(&mut self, alpha: Alpha) {
        self.images += 1;
        self.partly += usize::from(alpha != Alpha::Opaque);
        self.alone += usize::from(alpha == Alpha::Alone);
    }

    /// What is to be told, if anything.
    pub fn note(&self) -> Option<String> {
        let Transparency { images, partly, alone } = *self;
        let ground = "lay them on a ground with `--ground white` (or another colour)";
        match (partly, alone) {
            (0, _) => None,
            (_, 0) => Some(format!(
                "{partly} of {images} training images have transparent pixels; their alpha channel is dropped and the \
                 colours below it are used: {ground} if that is not meant"
            )),
            _ => Some(format!(
                "{partly} of {images} training images have transparent pixels, and {alone} of them are all of the same \
                 colour without their alpha channel, which is dropped: {ground}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grounds_by_name_and_number() {
        assert_eq!(ground("white").unwrap(), [255; 3]);
        assert_eq!(ground("#ff8001").unwrap(), [255, 128, 1]);
        for wrong in ["", "fff", "ff80011", "blue", "+f+f+f", "é0000"] {
            let told = ground(wrong).map_err(|error| error.to_string());
            assert!(told.is_err_and(|message| message.contains("six hexadecimal digits")), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_lost_is_told() {
        let of = |alphas: &[Alpha]| {
            let mut found = Transparency::default();
            alphas.iter().for_each(|&alpha| found.add(alpha));
            found.note()
        };
        assert_eq!(of(&[Alpha::Opaque; 3]), None);
        assert!(of(&[Alpha::Opaque, Alpha::Partly]).unwrap().starts_with("1 of 2 training images have transparent"));
        assert!(of(&[Alpha::Alone, Alpha::Partly]).unwrap().contains("1 of them are all of the same colour"));
    }
}
