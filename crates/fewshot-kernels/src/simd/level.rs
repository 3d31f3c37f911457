//! The instruction sets, and which one operations use.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// No assumption beyond the target's baseline.
    Plain,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors and 32 registers.
    Avx512,
}

const LEVELS: [Level; 4] = [Level::Plain, Level::Neon, Level::Avx2, Level::Avx512];

impl Level {
    /// Its name in runs and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Plain => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Every level that this machine can run, the slowest first.
    pub fn available() -> Vec<Level> {
        LEVELS.into_iter().filter(|level| level.is_available()).collect()
    }

    fn best() -> Level {
        LEVELS.into_iter().rev().find(|level| level.is_available()).unwrap_or(Level::Plain)
    }
}

/// Index into `LEVELS`, or `UNSET` before the first look at the machine.
static CURRENT: AtomicU8 = AtomicU8::new(UNSET);
const UNSET: u8 = u8::MAX;

/// The level that operations use: the best available unless [`set_level`] chose another.
pub fn level() -> Level {
    match LEVELS.get(usize::from(CURRENT.load(Ordering::Relaxed))) {
        Some(level) => *level,
        None => {
            let level = Level::best();
            store(level);
            level
        }
    }
}

/// Makes all later operations of this process use `level`, or the best one for `None`. Returns
/// whether the machine has it; nothing changes when it has not. Meant for tests and benchmarks:
/// results of different levels differ by rounding.
pub fn set_level(level: Option<Level>) -> bool {
    let level = level.unwrap_or_else(Level::best);
    let available = level.is_available();
    if available {
        store(level);
    }
    available
}

fn store(level: Level) {
    let index = LEVELS.iter().position(|l| *l == level).unwrap_or(0);
    CURRENT.store(index as u8, Ordering::Relaxed);
}

/// Floats per vector at `level`: (wide, half).
pub(crate) fn lanes(level: Level) -> (usize, usize) {
    match level {
        Level::Avx512 => (16, 8),
        Level::Avx2 => (8, 8),
        Level::Neon | Level::Plain => (4, 4),
    }
}
