//! What must hold for every operation beside those of `properties.rs`: true derivatives, and the same bits for any number of
//! threads.

mod common;

use burn::tensor::Tensor;
use common::{Random, Run, Values, run};
use fewshot_kernels as kernels;
use fewshot_kernels::{Conv, weights};

type Function = Box<dyn Fn(&[Tensor<4>]) -> Tensor<4> + Sync>;

/// An operation of some tensors, the gradients of all of which are looked at.
struct Operation {
    name: &'static str,
    shapes: Vec<Vec<usize>>,
    apply: Function,
    /// Whether the gradient is that of the whole function; spectral norm holds its vectors.
    exact: bool,
}

fn operation(
    name: &'static str,
    shapes: &[&[usize]],
    apply: impl Fn(&[Tensor<4>]) -> Tensor<4> + Sync + 'static,
) -> Operation {
    let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
    Operation { name, shapes, apply: Box::new(apply), exact: true }
}

fn flat<const D: usize>(t: &Tensor<4>, shape: [usize; D]) -> Tensor<D> {
    t.clone().reshape(shape)
}

/// All of them, on maps of five channels.
fn operations(batch: usize, [height, width]: [usize; 2]) -> Vec<Operation> {
    let map = [batch, height, width, 5];
    let convolution = |name, kernel: usize, conv: Conv| {
        operation(name, &[&map, &[kernel, kernel, 5, 9], &[9]], move |t| {
            kernels::conv2d_bias(t[0].clone(), t[1].clone(), flat(&t[2], [9]), conv)
        })
    };
    let transposed = |name, kernel: usize, conv: Conv| {
        operation(name, &[&map, &[kernel, kernel, 5, 9]], move |t| {
            kernels::transposed_conv2d(t[0].clone(), t[1].clone(), conv)
        })
    };
    let depthwise = |name, kernel: usize, conv: Conv| {
        operation(name, &[&map, &[kernel, kernel, 5]], move |t| {
            kernels::depthwise_conv2d(t[0].clone(), flat(&t[1], [kernel, kernel, 5]), conv)
        })
    };
    let spectral = operation("spectral norm", &[&[3, 3, 5, 9], &[9]], |t| {
        weights::spectral_norm(t[0].clone(), flat(&t[1], [9]), 1).weight
    });
    vec![
        convolution("1x1 with bias", 1, Conv::valid()),
        convolution("3x3 with bias", 3, Conv::same(3)),
        convolution("5x5 with bias, stride 2", 5, Conv::same(5).with_stride(2)),
        convolution("2x2 with bias, no padding", 2, Conv::valid()),
        transposed("transposed 1x1", 1, Conv::valid()),
        transposed("transposed 2x2, stride 2", 2, Conv::valid().with_stride(2)),
        transposed("transposed 3x3", 3, Conv::same(3)),
        transposed("transposed 4x4, stride 2", 4, Conv::valid().with_stride(2).with_padding(1)),
        depthwise("dilated depthwise 3x3", 3, Conv::same(3).with_dilation(2)),
        depthwise("dilated depthwise 5x5, stride 2", 5, Conv::same(5).with_dilation(2).with_stride(2)),
        depthwise("depthwise 7x7", 7, Conv::same(7)),
        operation("add_bias", &[&map, &[5]], |t| kernels::add_bias(t[0].clone(), flat(&t[1], [5]))),
        operation("sigmoid", &[&map], |t| kernels::sigmoid(t[0].clone() * 3.0)),
        operation("tanh", &[&map], |t| kernels::tanh(t[0].clone() * 3.0)),
        operation("scale_channels", &[&map, &[batch, 5]], move |t| {
            kernels::scale_channels(t[0].clone(), flat(&t[1], [batch, 5]))
        }),
        operation("scale_samples", &[&map], move |t| {
            let factors: Vec<f32> = (0..batch).map(|image| [0.0, 1.25][image % 2]).collect();
            kernels::scale_samples(t[0].clone(), Tensor::from_floats(&factors[..], &t[0].device()))
        }),
        operation("concat", &[&map, &[batch, height, width, 3], &map], |t| kernels::concat(t.to_vec())),
        operation("subsample", &[&map], |t| kernels::subsample(t[0].clone(), 2, [1, 1])),
        operation("global_sum_pool", &[&map], |t| kernels::global_sum_pool(t[0].clone()).unsqueeze()),
        operation("nearest", &[&map], |t| kernels::upsample_nearest(t[0].clone(), 3)),
        operation("bilinear", &[&map], |t| kernels::upsample_bilinear(t[0].clone(), 4)),
        operation("instance_norm", &[&map, &[5], &[5]], |t| {
            kernels::instance_norm(t[0].clone(), Some((flat(&t[1], [5]), flat(&t[2], [5]))), 0.05)
        }),
        operation("soft_cross_entropy", &[&[1, 1, batch, 7]], move |t| {
            let targets = Values::random(&[batch, 7], &mut Random::new(4)).map(f32::abs).tensor(&t[0].device());
            kernels::soft_cross_entropy(flat(&t[0], [batch, 7]), targets, 0.1).reshape([1, 1, 1, 1])
        }),
        operation("standardise", &[&[3, 3, 5, 9]], |t| weights::standardise(t[0].clone())),
        operation("kernel_transform", &[&[7, 7, 5], &[25, 25]], |t| {
            let kernel = weights::kernel_transform(flat(&t[0], [7, 7, 5]), 5, flat(&t[1], [25, 25]));
            kernel.reshape([1, 5, 5, 5])
        }),
        Operation { exact: false, ..spectral },
    ]
}

impl Operation {
    fn inputs(&self) -> Vec<Values> {
        let mut random = Random::new(17);
        self.shapes.iter().map(|shape| Values::random(shape, &mut random)).collect()
    }

    fn run(&self, inputs: &[Values]) -> Run {
        run(inputs, |t| ((self.apply)(t), vec![]))
    }

    /// The loss whose gradients `run` computes.
    fn loss(&self, inputs: &[Values]) -> f64 {
        let output = &self.run(inputs).outputs[0];
        let weights = Random::new(99).values(output.len());
        output.iter().zip(weights).map(|(out, weight)| f64::from(*out) * f64::from(weight)).sum()
    }
}

#[test]
fn gradients_are_the_finite_differences() {
    for operation in operations(3, [7, 6]).into_iter().filter(|operation| operation.exact) {
        let inputs = operation.inputs();
        let gradients = operation.run(&inputs).gradients;
        for (which, gradient) in gradients.iter().enumerate() {
            let direction = Random::new(which as u64).values(gradient.len());
            let step = 2e-3;
            let moved = |sign: f32| {
                let mut moved = inputs.clone();
                for (value, d) in moved[which].values.iter_mut().zip(&direction) {
                    *value += sign * step * d;
                }
                operation.loss(&moved)
            };
            let numeric = (moved(1.0) - moved(-1.0)) / (2.0 * f64::from(step));
            let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let size = gradient.iter().map(|g| f64::from(*g).abs()).sum::<f64>();
            assert!(
                (numeric - exact).abs() <= 2e-3 * size.max(1.0),
                "{}, input {which}: numeric {numeric}, exact {exact}",
                operation.name
            );
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    for operation in operations(37, [9, 8]) {
        let inputs = operation.inputs();
        let bits = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let Run { outputs, gradients } = pool.install(|| operation.run(&inputs));
            outputs.into_iter().chain(gradients).flatten().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = bits(1);
        for threads in [2, 5, 8] {
            assert!(one == bits(threads), "{}: {threads} threads change the result", operation.name);
        }
    }
}

/// Without autodiff the same functions run, some of them in place.
#[test]
fn plain_tensors_give_the_same_bits() {
    let plain = burn::tensor::Device::flex();
    for operation in operations(3, [7, 6]) {
        let inputs = operation.inputs();
        let tensors: Vec<Tensor<4>> = inputs
            .iter()
            .map(|input| {
                let shape: [usize; 4] = std::array::from_fn(|axis| {
                    let missing = 4 - input.shape.len();
                    if axis < missing { 1 } else { input.shape[axis - missing] }
                });
                Tensor::<4>::from_data(burn::tensor::TensorData::new(input.values.clone(), shape), &plain)
            })
            .collect();
        let found = common::floats((operation.apply)(&tensors));
        assert!(found == operation.run(&inputs).outputs[0], "{}", operation.name);
    }
}
