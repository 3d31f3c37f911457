//! Numbers as people write them: `3M`, `300us`, `1h30m`.
//!
//! Each parser is the `value_parser` of the flags that take such a number. What it refuses it answers with the forms that it
//! takes, since clap says which flag it was.

use std::num::IntErrorKind;

/// What counts may be written as.
const COUNTS: &str = "a whole number such as 500000, 3_000_000, 500K, 1.5M, 2G or 3e6";
/// What milliseconds may be written as.
const MILLISECONDS: &str = "milliseconds such as 1.5 or 1.5ms, or 300us, 0.01s";
/// What durations may be written as.
const DURATIONS: &str = "minutes such as 20 or 2.5, or 90s, 45min, 1h, 1h30m, 2d";
/// Most pixels a side that images are brought to.
const LARGEST_SIDE: u32 = 4096;
/// Longest duration, in seconds: 30 days.
const LONGEST: f64 = 30.0 * 24.0 * 3600.0;

/// A number that is not one, or not one of those that a flag takes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// It is not written as any number.
    #[error("no number: give {forms}")]
    Form {
        /// What is taken.
        forms: &'static str,
    },
    /// It has a sign.
    #[error("below zero: give {forms}")]
    Negative {
        /// What is taken.
        forms: &'static str,
    },
    /// It has a unit that nobody knows here.
    #[error("unknown unit `{unit}`: give {forms}")]
    Unit {
        /// The unit as it was written.
        unit: String,
        /// What is taken.
        forms: &'static str,
    },
    /// A count that is no whole number.
    #[error("not a whole number: give {COUNTS}")]
    Fraction,
    /// A count of nothing where the flag limits something.
    #[error("0 is none: leave the flag out where nothing is to be limited, or give {COUNTS}")]
    Zero,
    /// A count of nothing where at least one is needed.
    #[error("0 is none: give 1 or more, or leave the flag out for its default")]
    None,
    /// A side of images that none can have.
    #[error(
        "no side of images: give 1 to {LARGEST_SIDE} pixels, or leave the flag out: images of one size keep it, and others get one"
    )]
    Side,
    /// A count above what the setting holds.
    #[error("too large: give {COUNTS}, at most {most}")]
    TooLarge {
        /// The largest count.
        most: u64,
    },
    /// A time that is too long to mean anything.
    #[error("too large: give {forms}")]
    TooLong {
        /// What is taken.
        forms: &'static str,
    },
    /// Units of a duration that do not go from large to small, each once.
    #[error("units go from large to small, each once: give {DURATIONS}")]
    Order,
    /// A duration of nothing.
    #[error("no time at all: give {DURATIONS}")]
    NoTime,
    /// A duration of more than 30 days.
    #[error("more than 30 days: give {DURATIONS}")]
    TooManyDays,
}

/// A count: digits, with `_` between them where that helps, a fraction or an exponent if the whole is a whole number, and K, M
/// or G (a thousand, a million, a milliard; small letters too).
pub fn count(text: &str) -> Result<u64, NumberError> {
    let (number, unit) = Decimal::of(text, COUNTS)?;
    let zeros = match unit {
        "" => 0,
        "k" | "K" => 3,
        "m" | "M" => 6,
        "g" | "G" => 9,
        _ => return Err(NumberError::Unit { unit: unit.to_string(), forms: COUNTS }),
    };
    number.whole(zeros)
}

/// A count that a setting of 32 bits holds.
pub fn count_u32(text: &str) -> Result<u32, NumberError> {
    u32::try_from(count(text)?).map_err(|_| NumberError::TooLarge { most: u32::MAX.into() })
}

/// A limit: a count of at least 1 that a setting of 32 bits holds.
pub fn limit(text: &str) -> Result<u32, NumberError> {
    match count_u32(text)? {
        0 => Err(NumberError::Zero),
        count => Ok(count),
    }
}

/// A count of at least 1 that a setting of 32 bits holds.
pub fn at_least_one(text: &str) -> Result<u32, NumberError> {
    match count_u32(text)? {
        0 => Err(NumberError::None),
        count => Ok(count),
    }
}

/// A side of images in pixels.
pub fn side(text: &str) -> Result<u32, NumberError> {
    Some(count_u32(text)?).filter(|side| (1..=LARGEST_SIDE).contains(side)).ok_or(NumberError::Side)
}

/// Milliseconds, at least 0: with the unit `us` (or `µs`), `ms` or `s`, or none for milliseconds.
pub fn milliseconds(text: &str) -> Result<f64, NumberError> {
    let (number, unit) = Decimal::of(text, MILLISECONDS)?;
    let value = number.value(MILLISECONDS)?;
    let value = match unit {
        "" | "ms" => value,
        // Either of the two letters that look like it.
        "us" | "µs" | "μs" => value / 1000.0,
        "s" => value * 1000.0,
        _ => return Err(NumberError::Unit { unit: unit.to_string(), forms: MILLISECONDS }),
    };
    if value.is_finite() { Ok(value) } else { Err(NumberError::TooLong { forms: MILLISECONDS }) }
}

/// A duration in seconds, above 0 and at most 30 days: a number of minutes, or numbers with the units `d`, `h`, `m` (or
/// `min`) and `s` (or `sec`), from large to small.
pub fn duration(text: &str) -> Result<f64, NumberError> {
    let (mut rest, mut seconds, mut before) = (text.trim(), 0.0, f64::INFINITY);
    let whole = rest;
    while !rest.is_empty() || whole.is_empty() {
        let (number, behind) = Decimal::read(rest, DURATIONS)?;
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let of_unit = match unit {
            // A number alone is one of minutes; behind another part it could be anything.
            "" if before.is_infinite() && behind.is_empty() => 60.0,
            "" => return Err(NumberError::Form { forms: DURATIONS }),
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" | "min" => 60.0,
            "s" | "sec" => 1.0,
            _ => return Err(NumberError::Unit { unit: unit.to_string(), forms: DURATIONS }),
        };
        if of_unit >= before {
            return Err(NumberError::Order);
        }
        seconds += number.value(DURATIONS)? * of_unit;
        (rest, before) = (behind.trim_start(), of_unit);
    }
    match seconds {
        seconds if seconds <= 0.0 => Err(NumberError::NoTime),
        seconds if seconds > LONGEST => Err(NumberError::TooManyDays),
        seconds => Ok(seconds),
    }
}

/// A decimal number as it was written, without rounding: `digits` without its point, times ten to the power of `exponent`.
#[derive(Debug, PartialEq)]
struct Decimal {
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// A number, and the unit behind it.
    fn of<'a>(text: &'a str, forms: &'static str) -> Result<(Decimal, &'a str), NumberError> {
        let (number, unit) = Decimal::read(text.trim(), forms)?;
        let unit = unit.trim_start();
        // More than letters is no unit but a slip in the number.
        if unit.chars().all(char::is_alphabetic) { Ok((number, unit)) } else { Err(NumberError::Form { forms }) }
    }

    /// The number that a text begins with, and what is behind it: `1_000`, `2.5`, `.5`, `3e6`, `1.5E-3`.
    fn read<'a>(text: &'a str, forms: &'static str) -> Result<(Decimal, &'a str), NumberError> {
        if text.starts_with(['-', '−']) {
            return Err(NumberError::Negative { forms });
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        let (whole, rest) = digits(text);
        let (part, rest) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest),
            None => ("", rest),
        };
        let badly_spaced = |group: &str| group.starts_with('_') || group.ends_with('_') || group.contains("__");
        if (whole.is_empty() && part.is_empty()) || badly_spaced(whole) || badly_spaced(part) {
            return Err(NumberError::Form { forms });
        }
        let (power, rest) = exponent(rest);
        let only_digits = |group: &str| group.chars().filter(|c| *c != '_').collect::<String>();
        let (whole, part) = (only_digits(whole), only_digits(part));
        let exponent = power.saturating_sub(part.len() as i64);
        Ok((Decimal { digits: whole + &part, exponent }, rest))
    }

    /// With so many zeros more, as the whole number that it is.
    fn whole(&self, zeros: i64) -> Result<u64, NumberError> {
        let too_large = NumberError::TooLarge { most: u64::MAX };
        let digits = self.digits.trim_start_matches('0');
        let exponent = self.exponent.saturating_add(zeros);
        // Zeros at the end go into the power, so that 1.50 and 10e-1 are what they are.
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        let exponent = exponent.saturating_add((digits.len() - significant.len()) as i64);
        let Ok(exponent) = u32::try_from(exponent) else {
            return Err(if exponent < 0 { NumberError::Fraction } else { too_large });
        };
        let value: u64 = significant.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow => too_large.clone(),
            _ => NumberError::Form { forms: COUNTS },
        })?;
        10_u64.checked_pow(exponent).and_then(|power| value.checked_mul(power)).ok_or(too_large)
    }

    /// The nearest floating-point number, which is finite.
    fn value(&self, forms: &'static str) -> Result<f64, NumberError> {
        let value: f64 =
            format!("{}e{}", self.digits, self.exponent).parse().map_err(|_| NumberError::Form { forms })?;
        if value.is_finite() { Ok(value) } else { Err(NumberError::TooLong { forms }) }
    }
}

/// The digits and underscores that a text begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len()))
}

/// The power of ten that a text begins with, 0 if it begins with none, and the rest.
fn exponent(text: &str) -> (i64, &str) {
    let Some(signed) = text.strip_prefix(['e', 'E']) else { return (0, text) };
    let unsigned = signed.strip_prefix(['-', '+']).unwrap_or(signed);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    if end == 0 {
        return (0, text);
    }
    // Beyond what an i64 holds, every number is zero or too large.
    let power = unsigned[..end].parse::<i64>().unwrap_or(i64::MAX);
    (if signed.starts_with('-') { -power } else { power }, &unsigned[end..])
}
