//! Times one training step of a NAS-Bench-201 network whose edges are all the same convolution:
//! `cargo run --release -p fewshot-kernels --example step [-- WIDTH CELLS KERNEL BATCH]`
//! (defaults 16 5 3 64). Forward, loss, backward and SGD; 32x32 images of random pixels.

use std::time::Instant;

use burn::tensor::{Device, Distribution, Int, Tensor};
use fewshot_kernels::{
    Conv, Norm, Sgd, avg_pool2d, batch_norm, conv_bn, cross_entropy, global_avg_pool, linear, relu, sgd_step, simd,
    sum_squares,
};

/// Weights in the order in which the network asks for them.
struct Weights {
    device: Device,
    all: Vec<Tensor<4>>,
    velocities: Vec<Option<Tensor<4>>>,
    next: usize,
}

impl Weights {
    fn get(&mut self, shape: [usize; 4]) -> Tensor<4> {
        if self.next == self.all.len() {
            let fan_in = (shape[0] * shape[1] * shape[2]) as f64;
            let normal = Distribution::Normal(0.0, (2.0 / fan_in).sqrt());
            let weight = Tensor::random(shape, normal, &self.device).require_grad();
            self.all.push(weight);
            self.velocities.push(None);
        }
        self.next += 1;
        self.all[self.next - 1].clone()
    }
}

fn edge(x: &Tensor<4>, w: Tensor<4>, conv: Conv, add: Option<Tensor<4>>) -> Tensor<4> {
    conv_bn(x.clone(), w, conv, Norm::batch(), add).out
}

fn forward(w: &mut Weights, images: Tensor<4>, width: usize, cells: usize, kernel: usize) -> Tensor<2> {
    w.next = 0;
    let mut x = edge(&images, w.get([3, 3, 3, width]), Conv::same(3), None);
    let mut c = width;
    for stage in 0..3 {
        if stage > 0 {
            let down = Conv::same(3).with_stride(2).with_relu();
            let pooled = avg_pool2d(x.clone(), 2, 2, 0);
            let short = w.get([1, 1, c, 2 * c]);
            let short = fewshot_kernels::conv2d(pooled, short, Conv::same(1));
            let a = edge(&x, w.get([3, 3, c, 2 * c]), down, None);
            c *= 2;
            x = edge(&a, w.get([3, 3, c, c]), Conv::same(3).with_relu(), Some(short));
        }
        for _ in 0..cells {
            let mut nodes = vec![x];
            for to in 1..4 {
                let mut sum = None;
                for from in &nodes[..to] {
                    let weight = w.get([kernel, kernel, c, c]);
                    sum = Some(edge(from, weight, Conv::same(kernel).with_relu(), sum));
                }
                nodes.extend(sum);
            }
            x = nodes.swap_remove(3);
        }
    }
    let x = relu(batch_norm(x, Norm::batch()).out);
    let head = w.get([1, 1, c, 10]).reshape([c, 10]);
    let bias = Tensor::zeros([10], &w.device);
    linear(global_avg_pool(x), head, bias)
}

fn main() {
    let number = |i: usize, default: usize| std::env::args().nth(i).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (width, cells, kernel) = (number(1, 16), number(2, 5), number(3, 3));
    let batch = number(4, 64);
    let device = Device::flex().autodiff();
    let mut w = Weights { device: device.clone(), all: Vec::new(), velocities: Vec::new(), next: 0 };
    let normal = Distribution::Normal(0.0, 1.0);
    let images = Tensor::<4>::random([batch, 32, 32, 3], normal, &device);
    let labels: Vec<i64> = (0..batch as i64).map(|i| i % 10).collect();
    let labels = Tensor::<1, Int>::from_ints(&labels[..], &device);
    let sgd = Sgd { lr: 0.01, momentum: 0.9, nesterov: true, weight_decay: 5e-4 };
    let mut times: Vec<[f64; 4]> = Vec::new();
    for step in 0..14 {
        let start = Instant::now();
        let logits = forward(&mut w, images.clone(), width, cells, kernel);
        let loss = cross_entropy(logits, labels.clone(), 0.0);
        let after_forward = start.elapsed().as_secs_f64();
        let mut grads = loss.clone().backward();
        let after_backward = start.elapsed().as_secs_f64();
        let mut norm = 0.0;
        for (weight, velocity) in w.all.iter_mut().zip(&mut w.velocities) {
            if let Some(grad) = weight.grad_remove(&mut grads) {
                norm += sum_squares(grad.clone());
                let (new, v) = sgd_step(weight.clone().inner(), grad, velocity.take(), &sgd);
                *velocity = Some(v);
                *weight = Tensor::from_inner(new).require_grad();
            }
        }
        let all = start.elapsed().as_secs_f64();
        if step == 0 || step == 13 {
            println!("loss {:.4}, gradient norm {:.4}", loss.into_scalar::<f32>(), norm.sqrt());
        }
        if step > 1 {
            times.push([after_forward, after_backward - after_forward, all - after_backward, all]);
        }
    }
    times.sort_by(|a, b| a[3].total_cmp(&b[3]));
    for (name, t) in [("min", times[0]), ("median", times[times.len() / 2])] {
        println!(
            "{:?}, {} threads, width {width}, {cells} cells, {kernel}x{kernel}, batch {batch}: \
             {name} {:.4} s (forward {:.4}, backward {:.4}, update {:.4})",
            simd::level(),
            rayon::current_num_threads(),
            t[3],
            t[0],
            t[1],
            t[2],
        );
    }
}
