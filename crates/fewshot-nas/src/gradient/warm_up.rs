//! How long the weights are trained alone before anything learns which architectures are good.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The first epochs of a method's own schedule, in which only the weights are trained. However long the method is run, alone or on the
/// parts of a split, they are as many: [`MethodSettings::settle_warm_up`](super::MethodSettings::settle_warm_up) counts them before its
/// epochs are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WarmUp {
    /// So many.
    Epochs(u64),
    /// A share of the method's epochs, from 0 up to, not including, 1.
    Share(f64),
}

impl WarmUp {
    /// None at all.
    pub const NONE: WarmUp = WarmUp::Epochs(0);

    /// How many they are of `all` epochs.
    pub fn epochs(self, all: u64) -> u64 {
        match self {
            WarmUp::Epochs(epochs) => epochs,
            WarmUp::Share(share) => (share * all as f64).round() as u64,
        }
    }

    /// Whether something is left of `all` epochs.
    pub(super) fn fits(self, all: u64) -> bool {
        match self {
            WarmUp::Epochs(epochs) => epochs == 0 || epochs < all,
            WarmUp::Share(share) => (0.0..1.0).contains(&share),
        }
    }
}

/// As it stands in a recipe.
impl fmt::Display for WarmUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarmUp::Epochs(epochs) => write!(f, "{epochs}"),
            WarmUp::Share(share) => write!(f, "{share:?}"),
        }
    }
}

impl Serialize for WarmUp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            WarmUp::Epochs(epochs) => serializer.serialize_u64(*epochs),
            WarmUp::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> Deserialize<'de> for WarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Read)
    }
}

struct Read;

impl Visitor<'_> for Read {
    type Value = WarmUp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of epochs, or a share of the method's epochs such as 0.25")
    }

    fn visit_u64<E: Error>(self, epochs: u64) -> Result<WarmUp, E> {
        Ok(WarmUp::Epochs(epochs))
    }

    fn visit_i64<E: Error>(self, epochs: i64) -> Result<WarmUp, E> {
        u64::try_from(epochs)
            .map(WarmUp::Epochs)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(epochs), &self))
    }

    fn visit_f64<E: Error>(self, share: f64) -> Result<WarmUp, E> {
        Ok(WarmUp::Share(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        warm_up: WarmUp,
    }

    #[test]
    fn whole_numbers_are_epochs_and_fractions_shares() {
        for (text, wanted, of_160) in [
            ("warm_up = 40\n", WarmUp::Epochs(40), 40),
            ("warm_up = 0.25\n", WarmUp::Share(0.25), 40),
            ("warm_up = 0.0\n", WarmUp::Share(0.0), 0),
            ("warm_up = 0\n", WarmUp::NONE, 0),
        ] {
            let read: Table = toml::from_str(text).unwrap();
            assert_eq!(read.warm_up, wanted);
            assert_eq!(read.warm_up.epochs(160), of_160);
            assert_eq!(toml::to_string(&read).unwrap(), text);
        }
        for wrong in ["warm_up = -1\n", "warm_up = \"40\"\n"] {
            let error = toml::from_str::<Table>(wrong).unwrap_err().to_string();
            assert!(error.contains("a whole number of epochs, or a share"), "{error}");
        }
    }
}
