//! Throughput of the kernels: `cargo bench -p fewshot-kernels [-- WORD]`, with `RAYON_NUM_THREADS` for the threads.
//!
//! An item is a floating-point operation, so `Gitem/s` reads GFLOP/s; convolutions count as the sums that define
//! them, a multiply-add as two. `peak` is what one thread can do at most.

use std::fmt::{self, Display};

use burn::tensor::{Device, Distribution, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use fewshot_kernels::{Conv, Norm, conv_bn, conv2d, depthwise_conv2d, linear, simd};

fn main() {
    divan::main();
}

/// Images per call.
const BATCH: usize = 64;

/// A square convolution on square images with as many channels out as in.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    stride: usize,
    size: usize,
    width: usize,
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { kernel, stride, size, width } = self;
        write!(f, "{kernel}x{kernel} s{stride} {size}x{size}x{width}")
    }
}

impl Shape {
    fn conv(self) -> Conv {
        Conv::same(self.kernel).with_stride(self.stride)
    }

    /// Operations of a forward pass, `fan_in` channels into each output value.
    fn flops(self, fan_in: usize) -> usize {
        let out = self.size.div_ceil(self.stride);
        2 * BATCH * out * out * self.width * fan_in * self.kernel * self.kernel
    }

    fn input(self, device: &Device) -> Tensor<4> {
        random([BATCH, self.size, self.size, self.width], device)
    }

    fn weight(self, device: &Device) -> Tensor<4> {
        random([self.kernel, self.kernel, self.width, self.width], device)
    }
}

const DENSE: [Shape; 8] = [
    Shape { kernel: 3, stride: 1, size: 32, width: 16 },
    Shape { kernel: 3, stride: 1, size: 16, width: 32 },
    Shape { kernel: 3, stride: 1, size: 8, width: 64 },
    Shape { kernel: 3, stride: 1, size: 32, width: 8 },
    Shape { kernel: 3, stride: 2, size: 32, width: 16 },
    Shape { kernel: 1, stride: 1, size: 32, width: 16 },
    Shape { kernel: 1, stride: 1, size: 16, width: 32 },
    Shape { kernel: 5, stride: 1, size: 32, width: 16 },
];

const DEPTHWISE: [Shape; 3] = [
    Shape { kernel: 3, stride: 1, size: 32, width: 16 },
    Shape { kernel: 5, stride: 1, size: 32, width: 16 },
    Shape { kernel: 5, stride: 2, size: 16, width: 96 },
];

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn tracked() -> Device {
    Device::flex().autodiff()
}

#[divan::bench]
fn peak(bencher: Bencher) {
    let level = simd::level();
    bencher.counter(ItemsCount::new(simd::multiply_adds(level))).bench(|| simd::multiply_adds(level));
}

#[divan::bench(args = DENSE, sample_size = 1)]
fn conv_forward(bencher: Bencher, shape: Shape) {
    let device = Device::flex();
    let (x, w) = (shape.input(&device), shape.weight(&device));
    let flops = ItemsCount::new(shape.flops(shape.width));
    bencher.counter(flops).bench_local(|| conv2d(x.clone(), w.clone(), shape.conv()));
}

#[divan::bench(args = DENSE, sample_size = 1)]
fn conv_forward_backward(bencher: Bencher, shape: Shape) {
    let (x, w) = (shape.input(&tracked()).require_grad(), shape.weight(&tracked()).require_grad());
    let flops = ItemsCount::new(3 * shape.flops(shape.width));
    bencher.counter(flops).bench_local(|| conv2d(x.clone(), w.clone(), shape.conv()).backward());
}

/// ReLU, convolution and batch norm: the fused edge of a cell.
#[divan::bench(args = DENSE, sample_size = 1)]
fn edge_forward_backward(bencher: Bencher, shape: Shape) {
    let (x, w) = (shape.input(&tracked()).require_grad(), shape.weight(&tracked()).require_grad());
    let flops = ItemsCount::new(3 * shape.flops(shape.width));
    let edge = || conv_bn(x.clone(), w.clone(), shape.conv().with_relu(), Norm::batch(), None).out.backward();
    bencher.counter(flops).bench_local(edge);
}

#[divan::bench(args = DEPTHWISE, sample_size = 1)]
fn depthwise_forward_backward(bencher: Bencher, shape: Shape) {
    let x = shape.input(&tracked()).require_grad();
    let w = random([shape.kernel, shape.kernel, shape.width], &tracked()).require_grad();
    let flops = ItemsCount::new(3 * shape.flops(1));
    bencher.counter(flops).bench_local(|| depthwise_conv2d(x.clone(), w.clone(), shape.conv()).backward());
}

#[divan::bench(args = [(64, 10), (240, 320)], sample_size = 1)]
fn linear_forward_backward(bencher: Bencher, (input, output): (usize, usize)) {
    let x = random([BATCH, input], &tracked()).require_grad();
    let w = random([input, output], &tracked()).require_grad();
    let bias = random([output], &tracked()).require_grad();
    let flops = ItemsCount::new(3 * 2 * BATCH * input * output);
    bencher.counter(flops).bench_local(|| linear(x.clone(), w.clone(), bias.clone()).backward());
}
