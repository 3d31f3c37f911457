//! 64-bit ARM.

use core::arch::aarch64::*;

use super::Simd;

/// Four floats in a NEON register.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

// SAFETY of every unsafe block here: NEON is part of the aarch64 baseline, and the caller promises
// that pointers are valid for the floats that are read or written.
#[expect(clippy::undocumented_unsafe_blocks, reason = "said once, above")]
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const REGISTERS: usize = 32;
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V {
        let mut lanes = [0.0f32; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            *lane = unsafe { *from.add(i) };
        }
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        unsafe { vst1q_f32(to, value) }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: Self::V, n: usize) {
        let mut lanes = [0.0f32; 4];
        unsafe { vst1q_f32(lanes.as_mut_ptr(), value) };
        for (i, lane) in lanes.iter().enumerate().take(n) {
            unsafe { *to.add(i) = *lane };
        }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn max_nan(a: Self::V, b: Self::V) -> Self::V {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn where_positive(at: Self::V, value: Self::V) -> Self::V {
        unsafe { vbslq_f32(vclezq_f32(at), vdupq_n_f32(0.0), value) }
    }
    #[inline(always)]
    unsafe fn where_equal(a: Self::V, b: Self::V, value: Self::V) -> Self::V {
        let zero = unsafe { vdupq_n_f32(0.0) };
        unsafe { vbslq_f32(vorrq_u32(vcltq_f32(a, b), vcgtq_f32(a, b)), zero, value) }
    }
    #[inline(always)]
    unsafe fn transpose<const RELU: bool>(
        from: *const f32,
        from_step: usize,
        to: *mut f32,
        to_step: usize,
        count: usize,
    ) {
        unsafe {
            let r = [0, 1, 2, 3].map(|i| {
                let row = vld1q_f32(from.add(i * from_step));
                if RELU { Self::where_positive(row, row) } else { row }
            });
            let (a, b) = (vtrnq_f32(r[0], r[1]), vtrnq_f32(r[2], r[3]));
            let low = |x, y| vcombine_f32(vget_low_f32(x), vget_low_f32(y));
            let high = |x, y| vcombine_f32(vget_high_f32(x), vget_high_f32(y));
            let columns = [low(a.0, b.0), low(a.1, b.1), high(a.0, b.0), high(a.1, b.1)];
            for (i, column) in columns.into_iter().enumerate() {
                if i < count {
                    vst1q_f32(to.add(i * to_step), column);
                }
            }
        }
    }
}
