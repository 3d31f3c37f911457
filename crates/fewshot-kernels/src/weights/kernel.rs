//! Small kernels out of large ones.

use burn::tensor::{Slice, Tensor};

/// The depthwise weight of a smaller kernel: the centre of a larger one, of which each channel's `kernel * kernel` weights, in row
/// order, are multiplied by one square matrix ([Cai et al. 2020](https://arxiv.org/abs/1908.09791), section 3.3).
///
/// Of an elastic kernel of 7, that of 5 is `kernel_transform(seven, 5, matrix_5)` and that of 3 is
/// `kernel_transform(five, 3, matrix_3)`; the identity leaves the centre as it is.
///
/// # Shapes
/// `weight`: `[size, size, channels]`, `matrix`: `[kernel * kernel, kernel * kernel]`, whose rows are those of the result; the output
/// is `[kernel, kernel, channels]`.
///
/// # Panics
/// When the kernel is no square, `kernel` is 0, larger or not centred in it, or the matrix has another size.
pub fn kernel_transform(weight: Tensor<3>, kernel: usize, matrix: Tensor<2>) -> Tensor<3> {
    let [height, width, channels] = weight.dims();
    assert!(
        height == width && (1..=height).contains(&kernel) && (height - kernel).is_multiple_of(2),
        "kernel_transform: a kernel of {kernel} is no centre of one of {height}x{width}"
    );
    let taps = kernel * kernel;
    assert!(
        matrix.dims() == [taps, taps],
        "kernel_transform: the matrix is {:?}, a kernel of {kernel} wants [{taps}, {taps}]",
        matrix.dims()
    );
    let first = (height - kernel) / 2;
    let centre = Slice::new(first as isize, Some((first + kernel) as isize), 1);
    let columns = weight.slice([centre, centre, Slice::full()]).reshape([taps, channels]);
    matrix.matmul(columns).reshape([kernel, kernel, channels])
}
