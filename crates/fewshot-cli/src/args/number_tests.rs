//! Numbers in every form, and what is said of those that are none.

use clap::Parser;
use proptest::prelude::*;

use super::number::{NumberError, at_least_one, count, count_u32, duration, limit, milliseconds, side};
use super::{Args, Command};

#[test]
fn nothing_is_no_limit() {
    assert_eq!(at_least_one("1K"), Ok(1000));
    assert_eq!([at_least_one("0"), limit("0")], [Err(NumberError::None), Err(NumberError::Zero)]);
    let refused = |args: &[&str]| Args::try_parse_from(["fewshot"].iter().chain(args)).unwrap_err().to_string();
    let told = refused(&["search", "--limit", "0"]);
    assert!(told.contains("--limit") && told.contains("where nothing is to be limited"), "{told}");
    let told = refused(&["predict", "run", "photo.jpg", "--top", "0"]);
    assert!(told.contains("--top") && told.contains("give 1 or more") && !told.contains("limited"), "{told}");
}

#[test]
fn sides_of_images() {
    assert_eq!([side("1"), side("4096")], [Ok(1), Ok(4096)]);
    assert_eq!([side("0"), side("4097")], [Err(NumberError::Side), Err(NumberError::Side)]);
    for command in [&["train"][..], &["search"], &["data", "info"]] {
        let args = ["fewshot"].iter().chain(command).chain(&["--image-size", "0"]);
        let told = Args::try_parse_from(args).unwrap_err().to_string();
        assert!(told.contains("--image-size") && told.contains("give 1 to 4096 pixels"), "{told}");
        assert!(!told.contains("limit"), "{told}");
    }
}

#[test]
fn counts() {
    for (text, wanted) in [
        ("0", 0),
        ("50", 50),
        ("007", 7),
        ("+7", 7),
        (" 7 ", 7),
        ("3_000_000", 3_000_000),
        ("500K", 500_000),
        ("500k", 500_000),
        ("500 K", 500_000),
        ("3M", 3_000_000),
        ("1.5M", 1_500_000),
        (".5M", 500_000),
        ("3.M", 3_000_000),
        ("1.234567M", 1_234_567),
        ("2G", 2_000_000_000),
        ("1_500.5K", 1_500_500),
        ("3e6", 3_000_000),
        ("3E+6", 3_000_000),
        ("2.5e3", 2500),
        ("1e3K", 1_000_000),
        ("10e-1", 1),
        ("1.0", 1),
        ("0.0000", 0),
        ("0e99999999999999999999", 0),
        // Floating-point numbers would end at 2^53.
        ("9007199254740993", 9_007_199_254_740_993),
        ("18446744073709551615", u64::MAX),
        ("18_446_744_073_709_551.615K", u64::MAX),
    ] {
        assert_eq!(count(text), Ok(wanted), "{text}");
    }
}

#[test]
fn what_is_no_count() {
    let kind = |text: &str| match count(text).unwrap_err() {
        NumberError::Form { .. } => "form",
        NumberError::Negative { .. } => "negative",
        NumberError::Unit { .. } => "unit",
        NumberError::Fraction => "fraction",
        NumberError::TooLarge { .. } => "large",
        other => panic!("{text}: {other}"),
    };
    for (wanted, texts) in [
        (
            "form",
            &[
                "",
                " ",
                ".",
                "K",
                "NaN",
                "inf",
                "three",
                "3,000,000",
                "_3",
                "3_",
                "3__0",
                "1.2.3",
                "0x10",
                "3M5",
                "1 000",
            ][..],
        ),
        ("negative", &["-3", "-3M", "-0", "−3"]),
        ("unit", &["3X", "3MB", "3ms", "3e", "3µ", "5 million"]),
        ("fraction", &["1.5", "1.0005K", "1e-1", "0.1", "1e-99999999999999999999"]),
        ("large", &["18446744073709551616", "1e20", "99999999999G", "1e99999999999999999999"]),
    ] {
        for text in texts {
            assert_eq!(kind(text), wanted, "{text}");
            let message = count(text).unwrap_err().to_string();
            assert!(message.contains("500K") && message.contains("1.5M") && message.contains("3e6"), "{message}");
        }
    }
    assert_eq!(count_u32("4294967295"), Ok(u32::MAX));
    let error = count_u32("5G").unwrap_err();
    assert_eq!(error, NumberError::TooLarge { most: u32::MAX.into() });
    assert!(error.to_string().contains("4294967295"), "{error}");
}

#[test]
fn times_of_one_image() {
    for (text, wanted) in [
        ("0", 0.0),
        ("1.5", 1.5),
        ("1.5ms", 1.5),
        ("0.3 ms", 0.3),
        ("300us", 0.3),
        ("300 µs", 0.3),
        ("300 μs", 0.3),
        ("0.01s", 10.0),
        ("2e-1", 0.2),
        ("10000", 10_000.0),
    ] {
        assert_eq!(milliseconds(text), Ok(wanted), "{text}");
    }
    for text in ["", "ms", "NaN", "inf", "-1", "1.5 m", "1.5mss", "1h", "1e999", "1e308s", "1,5"] {
        let message = milliseconds(text).unwrap_err().to_string();
        assert!(message.contains("1.5ms") && message.contains("300us"), "{text}: {message}");
    }
}

#[test]
fn durations() {
    for (text, wanted) in [
        ("20", 1200.0),
        ("2.5", 150.0),
        ("2.5m", 150.0),
        ("45 min", 2700.0),
        ("45min", 2700.0),
        ("90s", 90.0),
        ("90 sec", 90.0),
        ("1h", 3600.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30 min", 5400.0),
        ("1h30m15s", 5415.0),
        ("1h15s", 3615.0),
        ("2d", 172_800.0),
        ("30d", 2_592_000.0),
        ("1e2s", 100.0),
        ("0h1s", 1.0),
    ] {
        assert_eq!(duration(text), Ok(wanted), "{text}");
    }
    let kind = |text: &str| match duration(text).unwrap_err() {
        NumberError::Form { .. } => "form",
        NumberError::Negative { .. } => "negative",
        NumberError::Unit { .. } => "unit",
        NumberError::Order => "order",
        NumberError::NoTime => "nothing",
        NumberError::TooLong { .. } | NumberError::TooManyDays => "long",
        other => panic!("{text}: {other}"),
    };
    for (wanted, texts) in [
        ("form", &["", " ", "h", "1:30", "1h30", "30 m 20", "NaN", "inf", "1h,30m", "an hour"][..]),
        ("negative", &["-20", "1h-30m"]),
        ("unit", &["20ms", "3M", "1hour", "1w", "5e"]),
        ("order", &["30m1h", "1h1h", "1s1s", "1min1m"]),
        ("nothing", &["0", "0h0m", "0.0s"]),
        ("long", &["31d", "30d1s", "721h", "43201", "1e308", "1e309", "1e308d"]),
    ] {
        for text in texts {
            assert_eq!(kind(text), wanted, "{text}");
            let message = duration(text).unwrap_err().to_string();
            assert!(message.contains("1h30m") && message.contains("90s"), "{message}");
        }
    }
}

#[test]
fn flags_take_them_and_name_themselves() {
    let flags =
        ["--max-macs", "1.5M", "--max-params=50K", "--max-latency-ms", "300us", "--budget", "1e3", "--limit", "2K"];
    let Command::Search(search) = Args::try_parse_from(["fewshot", "search"].iter().chain(&flags)).unwrap().command
    else {
        panic!("another command");
    };
    assert_eq!((search.max_macs, search.max_params), (Some(1_500_000), Some(50_000)));
    assert_eq!((search.max_latency_ms, search.budget, search.run.limit), (Some(0.3), Some(1000), Some(2000)));
    for (flag, value, said) in [
        ("--max-macs", "3MB", "unknown unit `MB`"),
        ("--max-params", "-5", "below zero"),
        ("--max-latency-ms", "NaN", "no number"),
        ("--budget", "5G", "at most 4294967295"),
        ("--limit", "0.5", "not a whole number"),
    ] {
        let error = Args::try_parse_from(["fewshot", "search", flag, value]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(flag) && text.contains(value) && text.contains(said), "{text}");
    }
    // The value is forgotten: the next flag is not taken for it.
    let error = Args::try_parse_from(["fewshot", "search", "--max-macs", "--json"]).unwrap_err().to_string();
    assert!(error.contains("a value is required"), "{error}");
}

proptest! {
    #[test]
    fn a_whole_number_comes_back_from_every_form(value in any::<u64>(), small in 0..1_000_000_u64) {
        prop_assert_eq!(count(&value.to_string()), Ok(value));
        let grouped = value.to_string().as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>().join("_");
        prop_assert_eq!(count(&grouped), Ok(value));
        for (unit, of_unit) in [("K", 1000_u64), ("M", 1_000_000), ("G", 1_000_000_000)] {
            prop_assert_eq!(count(&format!("{small}{unit}")), Ok(small * of_unit));
            let digits = of_unit.ilog10() as usize;
            prop_assert_eq!(count(&format!("{}.{:0digits$}{unit}", value / of_unit, value % of_unit)), Ok(value));
            prop_assert_eq!(count(&format!("{small}e{digits}")), Ok(small * of_unit));
        }
        // As a plain integer's parser says, in and out of range.
        let longer = format!("{small}{value}");
        prop_assert_eq!(count(&longer).ok(), longer.parse().ok());
    }

    #[test]
    fn times_come_back_from_every_unit(value in 0.0..1e9_f64, minutes in 1..43_200_u32, seconds in 0..60_u32) {
        prop_assert_eq!(milliseconds(&value.to_string()), Ok(value));
        prop_assert_eq!(milliseconds(&format!("{value}ms")), Ok(value));
        prop_assert_eq!(milliseconds(&format!("{value} us")), Ok(value / 1000.0));
        let whole = 60.0 * f64::from(minutes);
        prop_assert_eq!(duration(&minutes.to_string()), Ok(whole));
        prop_assert_eq!(duration(&format!("{minutes}m")), Ok(whole));
        prop_assert_eq!(duration(&format!("{}h{}m", minutes / 60, minutes % 60)), Ok(whole));
        let parted = duration(&format!("{}h {}min {seconds}s", minutes / 60, minutes % 60));
        prop_assert_eq!(parted.ok(), Some(whole + f64::from(seconds)).filter(|sum| *sum <= 2_592_000.0));
    }

    #[test]
    fn no_text_is_more_than_refused(text in "[-+0-9a-zA-Z_. eEµ−]{0,12}|\\PC{0,12}") {
        let _ = (count(&text), count_u32(&text));
        if let Ok(time) = milliseconds(&text) {
            prop_assert!(time >= 0.0 && time.is_finite());
        }
        if let Ok(time) = duration(&text) {
            prop_assert!(time > 0.0 && time <= 2_592_000.0);
        }
    }
}
