//! Numbers as people read them.

/// A share of 1 as per cent with two decimals.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A whole number with its thousands set apart: `6,181,546`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three figures and a thousands suffix: `6.18 M`; small numbers as they are.
pub fn short(number: f64) -> String {
    for (size, suffix) in [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] {
        // What would round up to a thousand of a unit is one of the next.
        if number.abs() >= 0.9995 * size {
            return format!("{} {suffix}", figures(number / size, 3));
        }
    }
    figures(number, 3)
}

/// Seconds in the units of a clock: `0.8 s`, `2 min 44 s`, `3 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// `1 network`, `5 networks`.
pub fn counted(count: u64, one: &str) -> String {
    fewshot_guard::counted(grouped(count), one)
}

/// So many significant figures, without an exponent and without zeros behind the point.
fn figures(number: f64, count: i32) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number}");
    }
    let decimals = (count - 1 - number.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.8675), "86.75 %");
        assert_eq!([0, 999, 1000, 6_181_546].map(grouped), ["0", "999", "1,000", "6,181,546"]);
        assert_eq!(
            [0.0, 5.0, 0.25, 999.0, 999.9, 12_000.0, 6_181_546.0, 3.2e15].map(short),
            ["0", "5", "0.25", "999", "1 k", "12 k", "6.18 M", "3.2 P"]
        );
        assert_eq!(short(f64::NAN), "NaN");
        assert_eq!(
            [0.04, 9.96, 59.6, 164.2, 3599.7, 11_130.0].map(duration),
            ["0.0 s", "10 s", "1 min 0 s", "2 min 44 s", "1 h 0 min", "3 h 6 min"]
        );
        assert_eq!(
            (counted(1, "network").as_str(), counted(1296, "network").as_str()),
            ("1 network", "1,296 networks")
        );
    }
}
