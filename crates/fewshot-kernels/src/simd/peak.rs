//! The most that one core can do: the yardstick of the benchmarks.

use std::time::Instant;

use super::{Kernel, Level, Simd, dispatch};

/// Rounds of twelve independent multiply-adds on the widest vectors, all in registers.
struct Rounds(usize);

impl Kernel for Rounds {
    /// Something that depends on every multiply-add, and how many floats each took.
    type Out = (f32, usize);

    #[inline(always)]
    unsafe fn run<Wide: Simd, Half: Simd>(self) -> Self::Out {
        let mut out = [0.0f32; 16];
        // SAFETY: the instruction set is the caller's promise; no vector exceeds `out`.
        unsafe {
            let factor = Wide::splat(std::hint::black_box(0.999));
            let term = Wide::splat(std::hint::black_box(0.001));
            let mut acc = [term; 12];
            for _ in 0..self.0 {
                for acc in &mut acc {
                    *acc = Wide::fma(*acc, factor, term);
                }
            }
            let mut sum = term;
            for acc in acc {
                sum = Wide::add(sum, acc);
            }
            Wide::store(out.as_mut_ptr(), sum);
        }
        (out.iter().sum(), Wide::LANES)
    }
}

/// About a millisecond of independent multiply-adds in registers on this thread; returns how many floating-point
/// operations they were (a multiply-add counts two).
///
/// # Panics
/// When the machine does not have the level.
pub fn multiply_adds(level: Level) -> u64 {
    assert!(level.is_available(), "this machine has no {level:?}");
    let rounds = 500_000;
    let (sum, lanes) = dispatch(level, Rounds(rounds));
    std::hint::black_box(sum);
    (rounds * 12 * lanes * 2) as u64
}

/// Measured peak of one thread in floating-point operations per second (a multiply-add counts
/// two): the best of several short runs at `level`.
///
/// # Panics
/// When the machine does not have the level.
pub fn measure_peak(level: Level) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            multiply_adds(level) as f64 / start.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}
