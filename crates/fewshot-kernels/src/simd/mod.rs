//! One small vector abstraction: each kernel is written once, generic over a trait of vector
//! operations, and compiled for every instruction set that the machine may turn out to have.

mod dispatch;
mod level;
mod peak;
mod plain;
mod vector;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use dispatch::dispatch;
pub(crate) use level::lanes;
pub use level::{Level, level, set_level};
pub use peak::{measure_peak, multiply_adds};
pub(crate) use vector::{Kernel, Simd};
