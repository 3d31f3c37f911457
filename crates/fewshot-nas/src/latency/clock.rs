//! How long a piece of work takes.

use std::time::{Duration, Instant};

/// Caches are warm and the clock rate is up after that.
const WARM_UP: Duration = Duration::from_millis(1);
/// One sample: so long that reading the clock does not count.
const SAMPLE: Duration = Duration::from_micros(100);
/// Samples in all.
const SAMPLES: usize = 31;
/// Which of them counts, from the shortest: what else the machine does lengthens many, and the very shortest may be a
/// freak.
const COUNTS: usize = 3;

/// Milliseconds that `work` takes when little disturbs it.
pub fn quick_ms(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut calls = 0;
    while calls < 2 || begun.elapsed() < WARM_UP {
        work();
        calls += 1;
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(calls);
    let calls = (SAMPLE.as_secs_f64() / each).ceil().max(1.0) as u32;
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let begun = Instant::now();
            (0..calls).for_each(|_| work());
            begun.elapsed().as_secs_f64() / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    1000.0 * samples[COUNTS]
}
