//! One small vector abstraction: each kernel is written once, generic over a trait of vector
//! operations, and compiled for every instruction set that the machine may turn out to have.

mod peak;
mod plain;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use peak::{measure_peak, multiply_adds};

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

/// Operations on one vector register of `f32`.
///
/// # Safety
/// All methods need the instruction set of the implementing type, which [`dispatch`] guarantees
/// inside [`Kernel::run`]; methods that take a pointer need it valid for `LANES` floats (or for
/// `n` of them where the method says so), at any alignment.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// The register.
    type V: Copy;
    /// Floats in a register.
    const LANES: usize;
    /// Registers of the machine: decides how large a tile of accumulators may be.
    const REGISTERS: usize;
    /// Side of the square that [`Simd::transpose`] moves.
    const TILE: usize;

    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `n <= LANES` floats, then zeros.
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    /// The first `n <= LANES` floats.
    unsafe fn store_part(to: *mut f32, value: Self::V, n: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, fused where the machine can.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The smaller; `b` where either is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where either is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; NaN where either is NaN.
    unsafe fn max_nan(a: Self::V, b: Self::V) -> Self::V;
    /// `value` where `at` is above 0 or NaN, else 0: the gradient of ReLU.
    unsafe fn where_positive(at: Self::V, value: Self::V) -> Self::V;
    /// `value` where `a` equals `b` or either is NaN, else 0.
    unsafe fn where_equal(a: Self::V, b: Self::V, value: Self::V) -> Self::V;
    /// Copies a `TILE` x `TILE` square, transposed and, with `RELU`, without what is below 0; only
    /// the first `count` rows of the result are written. Row `i` of the source starts at
    /// `from + i * from_step`, of the result at `to + i * to_step`.
    unsafe fn transpose<const RELU: bool>(
        from: *const f32,
        from_step: usize,
        to: *mut f32,
        to_step: usize,
        count: usize,
    );
}

/// A piece of work that is generic over the vectors. `Wide` is the machine's widest vector, `Half`
/// one that wastes less on few channels (the same type where there is no choice).
pub(crate) trait Kernel {
    /// What it returns.
    type Out;
    /// Does the work. Must be `#[inline(always)]`, so that it is compiled for the instruction
    /// set of the caller.
    ///
    /// Whoever makes a kernel may fill its fields with anything, so it must check that what it reads and writes lies in the
    /// slices that it was given: it is no part of the promise below.
    ///
    /// # Safety
    /// The machine must have the instruction sets of both types.
    unsafe fn run<Wide: Simd, Half: Simd>(self) -> Self::Out;
}

/// Runs `kernel` with the vectors of `level`.
///
/// # Panics
/// When the machine has not got `level`: its instructions would be no instructions.
pub(crate) fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Out {
    // The features are looked up once per process and remembered, so this costs some loads.
    assert!(level.is_available(), "this machine cannot run {level:?}");
    match level {
        // SAFETY: the assertion above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::run_avx2(kernel) },
        // SAFETY: NEON is part of the aarch64 baseline.
        #[cfg(target_arch = "aarch64")]
        Level::Neon => unsafe { kernel.run::<neon::Neon, neon::Neon>() },
        // SAFETY: plain code needs nothing of the machine.
        _ => unsafe { kernel.run::<plain::Plain, plain::Plain>() },
    }
}

/// Floats per vector at `level`: (wide, half).
pub(crate) fn lanes(level: Level) -> (usize, usize) {
    match level {
        Level::Avx512 => (16, 8),
        Level::Avx2 => (8, 8),
        Level::Neon | Level::Plain => (4, 4),
    }
}
