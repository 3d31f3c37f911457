//! Vectors of plain Rust arrays, for machines without a kernel of their own.

use std::cmp::Ordering;

use super::Simd;

/// Four floats in an array.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

type V = [f32; 4];

#[inline(always)]
fn zip(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

// SAFETY of every unsafe block here: the caller promises that the pointer is valid for the floats
// that are read or written.
#[expect(clippy::undocumented_unsafe_blocks, reason = "said once, above")]
impl Simd for Plain {
    type V = V;
    const LANES: usize = 4;
    const REGISTERS: usize = 16;
    const TILE: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> V {
        [value; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> V {
        unsafe { from.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> V {
        let mut value = [0.0; 4];
        for (i, lane) in value.iter_mut().enumerate().take(n) {
            *lane = unsafe { *from.add(i) };
        }
        value
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: V) {
        unsafe { to.cast::<V>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: V, n: usize) {
        for (i, lane) in value.iter().enumerate().take(n) {
            unsafe { *to.add(i) = *lane };
        }
    }
    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn fma(a: V, b: V, c: V) -> V {
        zip(zip(a, b, |a, b| a * b), c, |ab, c| ab + c)
    }
    #[inline(always)]
    unsafe fn min(a: V, b: V) -> V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max(a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn max_nan(a: V, b: V) -> V {
        zip(a, b, |a, b| if a >= b || a.is_nan() { a } else { b })
    }
    #[inline(always)]
    unsafe fn where_positive(at: V, value: V) -> V {
        zip(at, value, |at, value| if at <= 0.0 { 0.0 } else { value })
    }
    #[inline(always)]
    unsafe fn where_equal(a: V, b: V, value: V) -> V {
        let mut kept = value;
        for ((kept, a), b) in kept.iter_mut().zip(a).zip(b) {
            // Not `!=`: NaN counts as equal.
            if matches!(a.partial_cmp(&b), Some(Ordering::Less | Ordering::Greater)) {
                *kept = 0.0;
            }
        }
        kept
    }
    #[inline(always)]
    unsafe fn transpose<const RELU: bool>(
        from: *const f32,
        from_step: usize,
        to: *mut f32,
        to_step: usize,
        count: usize,
    ) {
        for row in 0..4 {
            for col in 0..count.min(4) {
                let value = unsafe { *from.add(row * from_step + col) };
                let value = if RELU && value <= 0.0 { 0.0 } else { value };
                unsafe { *to.add(col * to_step + row) = value };
            }
        }
    }
}
