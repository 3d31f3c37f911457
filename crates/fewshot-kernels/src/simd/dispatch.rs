//! From a level to the vectors that it has.

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Kernel, Level, plain};

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
