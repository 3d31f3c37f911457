//! What a kernel is written in: operations on vectors, whatever their width.

/// Operations on one vector register of `f32`.
///
/// # Safety
/// All methods need the instruction set of the implementing type, which [`super::dispatch`] guarantees
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
