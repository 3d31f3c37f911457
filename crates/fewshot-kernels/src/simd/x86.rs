//! AVX2 with FMA, and AVX-512.

use core::arch::x86_64::*;

use super::{Kernel, Simd};

/// Eight floats. `REGISTERS` is 16 under AVX2 and 32 where AVX-512 adds registers.
#[derive(Clone, Copy)]
pub(crate) struct Ymm<const REGISTERS: usize>;

/// Sixteen floats.
#[derive(Clone, Copy)]
pub(crate) struct Zmm;

/// # Safety
/// The machine must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller's promise.
    unsafe { kernel.run::<Ymm<16>, Ymm<16>>() }
}

/// # Safety
/// The machine must have AVX2, FMA, AVX-512F and AVX-512VL.
#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
pub(super) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: the caller's promise.
    unsafe { kernel.run::<Zmm, Ymm<32>>() }
}

/// Twice eight ones, then eight zeros: a window of it is the mask of the first `n` lanes.
static MASK: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

#[inline(always)]
unsafe fn mask(n: usize) -> __m256i {
    // SAFETY: the window of eight begins at 0 to 8 inside the sixteen.
    unsafe { _mm256_loadu_si256(MASK.as_ptr().add(8 - n.min(8)).cast()) }
}

/// `max(value, 0)` with NaN kept, or the value as it is.
#[inline(always)]
unsafe fn rectified<const RELU: bool>(value: __m256) -> __m256 {
    if RELU {
        // SAFETY: the caller promises AVX2.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), value) }
    } else {
        value
    }
}

/// Transposes eight rows of eight floats and stores the first `count` columns.
#[inline(always)]
unsafe fn transpose8<const RELU: bool>(from: *const f32, from_step: usize, to: *mut f32, to_step: usize, count: usize) {
    // SAFETY: the caller promises AVX2 and that the rows are valid.
    unsafe {
        let r0 = rectified::<RELU>(_mm256_loadu_ps(from));
        let r1 = rectified::<RELU>(_mm256_loadu_ps(from.add(from_step)));
        let r2 = rectified::<RELU>(_mm256_loadu_ps(from.add(2 * from_step)));
        let r3 = rectified::<RELU>(_mm256_loadu_ps(from.add(3 * from_step)));
        let r4 = rectified::<RELU>(_mm256_loadu_ps(from.add(4 * from_step)));
        let r5 = rectified::<RELU>(_mm256_loadu_ps(from.add(5 * from_step)));
        let r6 = rectified::<RELU>(_mm256_loadu_ps(from.add(6 * from_step)));
        let r7 = rectified::<RELU>(_mm256_loadu_ps(from.add(7 * from_step)));
        let (a0, a1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
        let (a2, a3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
        let (a4, a5) = (_mm256_unpacklo_ps(r4, r5), _mm256_unpackhi_ps(r4, r5));
        let (a6, a7) = (_mm256_unpacklo_ps(r6, r7), _mm256_unpackhi_ps(r6, r7));
        let b0 = _mm256_shuffle_ps::<0x44>(a0, a2);
        let b1 = _mm256_shuffle_ps::<0xee>(a0, a2);
        let b2 = _mm256_shuffle_ps::<0x44>(a1, a3);
        let b3 = _mm256_shuffle_ps::<0xee>(a1, a3);
        let b4 = _mm256_shuffle_ps::<0x44>(a4, a6);
        let b5 = _mm256_shuffle_ps::<0xee>(a4, a6);
        let b6 = _mm256_shuffle_ps::<0x44>(a5, a7);
        let b7 = _mm256_shuffle_ps::<0xee>(a5, a7);
        let columns = [
            _mm256_permute2f128_ps::<0x20>(b0, b4),
            _mm256_permute2f128_ps::<0x20>(b1, b5),
            _mm256_permute2f128_ps::<0x20>(b2, b6),
            _mm256_permute2f128_ps::<0x20>(b3, b7),
            _mm256_permute2f128_ps::<0x31>(b0, b4),
            _mm256_permute2f128_ps::<0x31>(b1, b5),
            _mm256_permute2f128_ps::<0x31>(b2, b6),
            _mm256_permute2f128_ps::<0x31>(b3, b7),
        ];
        for (i, column) in columns.into_iter().enumerate() {
            if i < count {
                _mm256_storeu_ps(to.add(i * to_step), column);
            }
        }
    }
}

// SAFETY of every unsafe block in the two implementations: the caller promises the instruction
// set and that pointers are valid for the floats that are read or written; the masked loads and
// stores touch no other.
#[expect(clippy::undocumented_unsafe_blocks, reason = "said once, above")]
impl<const R: usize> Simd for Ymm<R> {
    type V = __m256;
    const LANES: usize = 8;
    const REGISTERS: usize = R;
    const TILE: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> __m256 {
        unsafe {
            if R >= 32 {
                _mm256_maskz_loadu_ps(((1u32 << n) - 1) as u8, from)
            } else {
                _mm256_maskload_ps(from, mask(n))
            }
        }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m256) {
        unsafe { _mm256_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: __m256, n: usize) {
        unsafe {
            if R >= 32 {
                // Mask registers come with the 32 vectors; the older instruction is microcode on
                // some machines.
                _mm256_mask_storeu_ps(to, ((1u32 << n) - 1) as u8, value);
            } else {
                _mm256_maskstore_ps(to, mask(n), value);
            }
        }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max_nan(a: __m256, b: __m256) -> __m256 {
        // The instruction returns its second operand for NaN, so only a NaN in the first is lost.
        unsafe {
            let larger = _mm256_max_ps(a, b);
            _mm256_blendv_ps(larger, a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a))
        }
    }
    #[inline(always)]
    unsafe fn where_positive(at: __m256, value: __m256) -> __m256 {
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(at, _mm256_setzero_ps()), value) }
    }
    #[inline(always)]
    unsafe fn where_equal(a: __m256, b: __m256, value: __m256) -> __m256 {
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_UQ>(a, b), value) }
    }
    #[inline(always)]
    unsafe fn transpose<const RELU: bool>(
        from: *const f32,
        from_step: usize,
        to: *mut f32,
        to_step: usize,
        count: usize,
    ) {
        unsafe { transpose8::<RELU>(from, from_step, to, to_step, count) }
    }
}

#[expect(clippy::undocumented_unsafe_blocks, reason = "said once, above")]
impl Simd for Zmm {
    type V = __m512;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    const TILE: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(((1u32 << n) - 1) as u16, from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        unsafe { _mm512_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, value: __m512, n: usize) {
        unsafe { _mm512_mask_storeu_ps(to, ((1u32 << n) - 1) as u16, value) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max_nan(a: __m512, b: __m512) -> __m512 {
        unsafe {
            let larger = _mm512_max_ps(a, b);
            _mm512_mask_mov_ps(larger, _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a), a)
        }
    }
    #[inline(always)]
    unsafe fn where_positive(at: __m512, value: __m512) -> __m512 {
        unsafe {
            let keep = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(at, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(keep, value)
        }
    }
    #[inline(always)]
    unsafe fn where_equal(a: __m512, b: __m512, value: __m512) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_UQ>(a, b), value) }
    }
    #[inline(always)]
    unsafe fn transpose<const RELU: bool>(
        from: *const f32,
        from_step: usize,
        to: *mut f32,
        to_step: usize,
        count: usize,
    ) {
        unsafe { transpose8::<RELU>(from, from_step, to, to_step, count) }
    }
}
