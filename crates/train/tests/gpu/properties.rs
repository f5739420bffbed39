//! What holds for every kernel on a GPU, natively and in a browser: outputs and gradients are compared with naive loops in f64 over drawn
//! shapes, by the same way that a network takes, burn's autodiff. A second run gives the same bits.

use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::random::Random;
use kindling_kernels::conv::{Conv, WeightOrder};
use kindling_train::maps;

/// Naive loops in f64.
#[allow(dead_code, reason = "it has pools and blocks, too")]
#[path = "../../../kernels/tests/properties/naive.rs"]
mod naive;

use naive::{convolve, difference, numbers};

/// A layer on a batch.
#[derive(Clone, Debug)]
pub struct Case {
    pub conv: Conv,
    pub n_images: usize,
    pub has_bias: bool,
    pub relu: bool,
    /// Whether maps and weights have their channels last in memory.
    pub is_channels_last: bool,
}

/// The same cases for the same number.
pub fn cases(n_drawn: usize) -> Vec<Case> {
    let mut random = Random::new(15);
    let kinds = [convolution, grouped, depthwise, wide, pointwise, linear, linear_of_maps];
    let mut cases: Vec<Case> = (0..n_drawn)
        .flat_map(|_| kinds)
        .map(|draw| {
            let (conv, n_images) = draw(&mut random);
            let mut coin = || random.below(2) == 1;
            Case { conv, n_images, has_bias: coin(), relu: coin(), is_channels_last: coin() }
        })
        .filter(|case| case.conv.output_size().is_some())
        .collect();
    cases.extend(presets());
    // More places than a grid has work groups along a side.
    let conv = covering(1, [256, 257], 3);
    cases.push(Case { conv, n_images: 2, has_bias: true, relu: false, is_channels_last: false });
    cases
}

/// Forward pass and all gradients. Returns what is wrong.
pub async fn check(case: &Case, device: &Device) -> Result<(), String> {
    let Case { conv, n_images, has_bias, relu, .. } = case.clone();
    let [out_height, out_width] = conv.output_size().unwrap();
    let input = numbers(n_images * conv.channels * conv.size[0] * conv.size[1], 1);
    let weights = numbers(conv.filters * conv.channels / conv.groups * conv.kernel[0] * conv.kernel[1], 2);
    let bias = if has_bias { numbers(conv.filters, 3) } else { vec![0.0; conv.filters] };
    let gradient = numbers(n_images * conv.filters * out_height * out_width, 4);

    let found = run(case, &input, &weights, &bias, &gradient, device).await;
    // By the output that was found: a value that is 0 but for rounding may be on either side of a ReLU.
    let arrived: Vec<f32> =
        found.output.iter().zip(&gradient).map(|(y, g)| if relu && *y <= 0.0 { 0.0 } else { *g }).collect();
    let mut naive = convolve(&conv, n_images, &input, &weights, &bias, &arrived);
    if relu {
        naive.output.iter_mut().for_each(|value| *value = value.max(0.0));
    }
    if !has_bias {
        naive.bias_gradient.clear();
    }
    for (what, found, expected) in [
        ("output", &found.output, &naive.output),
        ("inference", &found.inference, &naive.output),
        ("maps' gradient", &found.of_maps, &naive.data_gradient),
        ("weights' gradient", &found.of_weights, &naive.weight_gradient),
        ("bias' gradient", &found.of_bias, &naive.bias_gradient),
    ] {
        let off = difference(found, expected);
        if off.is_nan() || off > TOLERANCE {
            return Err(format!("{what} of {case:?} is off by {off}"));
        }
    }
    let again = run(case, &input, &weights, &bias, &gradient, device).await;
    if again != found {
        return Err(format!("{case:?} has other bits the second time"));
    }
    Ok(())
}

/// Batch norms of maps, and of vectors, which are maps of one place. The offset tells a stable variance from one that is not.
pub async fn check_norms(device: &Device) -> Result<(), String> {
    for (n_images, channels, [height, width], offset, relu) in [
        (5, 3, [7, 4], 0.0, false),
        (100, 16, [12, 12], 0.0, true),
        (64, 130, [1, 1], 3.0, true),
        (3, 65, [9, 5], 30.0, false),
        (1, 1, [1, 1], 1.0, false),
    ] {
        let places = height * width;
        let images: Vec<f32> = numbers(n_images * channels * places, 5).iter().map(|value| value + offset).collect();
        let (scale, shift) = (numbers(channels, 6), numbers(channels, 7));
        let gradient = numbers(images.len(), 8);

        let maps = upload(&images, [n_images, channels, height, width], device).autodiff().require_grad();
        let [of_scale, of_shift] =
            [&scale, &shift].map(|values| upload(values, [channels], device).autodiff().require_grad());
        let found = maps::batch_norm(maps.clone(), of_scale.clone(), of_shift.clone(), EPSILON, relu);
        let arrives = upload(&gradient, [n_images, channels, height, width], device);
        let gradients = (found.output.clone() * arrives.autodiff()).sum().backward();
        let output = values(found.output.without_autodiff()).await;

        let n = (n_images * places) as f64;
        let mut expected = [(); 6].map(|()| Vec::new());
        let [outputs, means, variances, of_maps, of_scales, of_shifts] = &mut expected;
        (*outputs, *of_maps) = (vec![0.0; images.len()], vec![0.0; images.len()]);
        for channel in 0..channels {
            let at: Vec<usize> = (0..images.len()).filter(|at| at / places % channels == channel).collect();
            let mean = at.iter().map(|&at| f64::from(images[at])).sum::<f64>() / n;
            let variance = at.iter().map(|&at| (f64::from(images[at]) - mean).powi(2)).sum::<f64>() / n;
            let deviation = (variance + EPSILON).sqrt();
            let normalized = |at: usize| (f64::from(images[at]) - mean) / deviation;
            // By the output that was found, as above.
            let arrived = |at: usize| if relu && output[at] <= 0.0 { 0.0 } else { f64::from(gradient[at]) };
            let of_shift: f64 = at.iter().map(|&at| arrived(at)).sum();
            let of_scale: f64 = at.iter().map(|&at| arrived(at) * normalized(at)).sum();
            for at in at {
                let value = f64::from(scale[channel]) * normalized(at) + f64::from(shift[channel]);
                outputs[at] = if relu { value.max(0.0) } else { value };
                of_maps[at] = f64::from(scale[channel]) / deviation
                    * (arrived(at) - of_shift / n - normalized(at) * of_scale / n);
            }
            means.push(mean);
            variances.push(variance);
            of_scales.push(of_scale);
            of_shifts.push(of_shift);
        }
        let found = [
            output,
            values(found.mean).await,
            values(found.variance).await,
            values(maps.grad(&gradients).unwrap()).await,
            values(of_scale.grad(&gradients).unwrap()).await,
            values(of_shift.grad(&gradients).unwrap()).await,
        ];
        // Distances from a far mean have fewer digits.
        let tolerance = TOLERANCE * (1.0 + 10.0 * f64::from(offset));
        for (what, (found, expected)) in
            ["output", "mean", "variance", "maps' gradient", "scale's gradient", "shift's gradient"]
                .iter()
                .zip(found.iter().zip(&expected))
        {
            let off = difference(found, expected);
            if off.is_nan() || off > tolerance {
                return Err(format!(
                    "{what} of a batch norm of {n_images} images of {channels}×{height}×{width} is off by {off}"
                ));
            }
        }
    }
    Ok(())
}

const EPSILON: f64 = 1e-5;

/// Augmentation's way to move pixels, against the CPU's.
pub async fn check_resampling(device: &Device) -> Result<(), String> {
    for (n_images, channels, height, width) in [(1, 1, 1, 1), (5, 3, 7, 10), (9, 1, 28, 28)] {
        let images = numbers(n_images * channels * height * width, 5);
        // From small turns to places far outside of the image.
        let matrices: Vec<f32> = numbers(n_images * 6, 6).iter().map(|value| value * 3.0).collect();
        let expected = kindling_kernels::sample::affine(&images, &matrices, channels, [height, width]);
        let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
        let images = upload(&images, [n_images, channels, height * width], device);
        let found = maps::resample(images, upload(&matrices, [n_images, 6], device), [height, width]);
        let off = difference(&values(found).await, &expected);
        if off.is_nan() || off > 1e-4 {
            return Err(format!("resampling {n_images} images of {channels}×{height}×{width} is off by {off}"));
        }
    }
    Ok(())
}

/// Tensors come out of a pack as they went in. The last takes more work groups than a grid has along a side.
pub async fn check_packing(device: &Device) -> Result<(), String> {
    for lengths in [&[1][..], &[64, 1, 65], &[3, 200, 64, 7, 1, 129], &[4_250_000]] {
        let originals: Vec<Vec<f32>> = lengths.iter().map(|length| numbers(2 * length, 7)).collect();
        let tensors: Vec<Tensor<2>> =
            originals.iter().zip(lengths).map(|(values, length)| upload(values, [2, *length], device)).collect();
        let (parts, n_values) = maps::parts(tensors.iter().map(Tensor::shape));
        let primitives: Vec<_> = tensors.into_iter().map(Tensor::into_dispatch).collect();
        let packed = maps::pack(&primitives);
        let mut expected = vec![0.0; n_values];
        for (original, part) in originals.iter().zip(parts) {
            expected[part.start..][..original.len()].copy_from_slice(original);
            if values(maps::part::<2>(packed.clone(), part)).await != *original {
                return Err(format!("a part of a pack of {lengths:?} is another tensor"));
            }
        }
        if values(packed).await != expected {
            return Err(format!("a pack of {lengths:?} has other values"));
        }
    }
    Ok(())
}

/// Far above the rounding of these sums, far below a wrong term.
const TOLERANCE: f64 = 2e-5;

#[derive(Debug, PartialEq)]
struct Found {
    output: Vec<f32>,
    inference: Vec<f32>,
    of_maps: Vec<f32>,
    of_weights: Vec<f32>,
    of_bias: Vec<f32>,
}

async fn run(case: &Case, input: &[f32], weights: &[f32], bias: &[f32], gradient: &[f32], device: &Device) -> Found {
    let Case { conv, n_images, has_bias, relu, is_channels_last } = case.clone();
    let order = |maps| if is_channels_last { channels_last(maps) } else { maps };
    let bias = has_bias.then(|| upload(bias, [conv.filters], device));
    let [height, width] = conv.size;
    let maps = || order(upload(input, [n_images, conv.channels, height, width], device));
    let linear_weight = || upload(weights, [conv.channels * height * width, conv.filters], device);
    match (conv.weights, conv.size) {
        (WeightOrder::Conv, _) => {
            let layer = |maps, weight, bias| maps::convolve(maps, conv, weight, bias, relu);
            let [height, width] = conv.output_size().unwrap();
            let shape = [conv.filters, conv.channels / conv.groups, conv.kernel[0], conv.kernel[1]];
            let gradient = upload(gradient, [n_images, conv.filters, height, width], device);
            differentiate(layer, maps(), order(upload(weights, shape, device)), bias, gradient).await
        }
        (WeightOrder::Linear, [1, 1]) => {
            let layer = |vectors: Tensor<3>, weight, bias| maps::linear(vectors, weight, bias, relu);
            let vectors = upload(input, [1, n_images, conv.channels], device);
            let gradient = upload(gradient, [1, n_images, conv.filters], device);
            differentiate(layer, vectors, linear_weight(), bias, gradient).await
        }
        (WeightOrder::Linear, _) => {
            let layer = |maps, weight, bias| maps::linear_of_maps(maps, weight, bias, relu);
            let gradient = upload(gradient, [n_images, conv.filters], device);
            differentiate(layer, maps(), linear_weight(), bias, gradient).await
        }
    }
}

async fn differentiate<const D: usize, const W: usize, const O: usize>(
    layer: impl Fn(Tensor<D>, Tensor<W>, Option<Tensor<1>>) -> Tensor<O>,
    maps: Tensor<D>,
    weight: Tensor<W>,
    bias: Option<Tensor<1>>,
    gradient: Tensor<O>,
) -> Found {
    let inference = layer(maps.clone(), weight.clone(), bias.clone());
    let (maps, weight) = (maps.autodiff().require_grad(), weight.autodiff().require_grad());
    let bias = bias.map(|bias| bias.autodiff().require_grad());
    let output = layer(maps.clone(), weight.clone(), bias.clone());
    let gradients = (output.clone() * gradient.autodiff()).sum().backward();
    let of_bias = match bias {
        Some(bias) => values(bias.grad(&gradients).unwrap()).await,
        None => Vec::new(),
    };
    Found {
        output: values(output.without_autodiff()).await,
        inference: values(inference).await,
        of_maps: values(maps.grad(&gradients).unwrap()).await,
        of_weights: values(weight.grad(&gradients).unwrap()).await,
        of_bias,
    }
}

fn upload<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// The same values with channels last in memory.
fn channels_last(tensor: Tensor<4>) -> Tensor<4> {
    let [images, channels, height, width] = tensor.dims();
    let moved = tensor.permute([0, 2, 3, 1]).reshape([-1]);
    moved.reshape([images, height, width, channels]).permute([0, 3, 1, 2])
}

async fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data_async().await.unwrap().iter::<f32>().collect()
}

fn pair(random: &mut Random, from: usize, to: usize) -> [usize; 2] {
    [0, 1].map(|_| between(random, from, to))
}

/// `from` to `to`, both included.
fn between(random: &mut Random, from: usize, to: usize) -> usize {
    from + random.below((to - from + 1) as u32) as usize
}

fn convolution(random: &mut Random) -> (Conv, usize) {
    let conv = Conv {
        channels: between(random, 1, 5),
        size: pair(random, 1, 9),
        filters: between(random, 1, 9),
        kernel: pair(random, 1, 4),
        stride: pair(random, 1, 3),
        padding: pair(random, 0, 3),
        dilation: pair(random, 1, 2),
        groups: 1,
        weights: WeightOrder::Conv,
    };
    (conv, between(random, 1, 20))
}

fn grouped(random: &mut Random) -> (Conv, usize) {
    let (conv, n_images) = convolution(random);
    let groups = between(random, 2, 3);
    let (channels, filters) = if random.below(2) == 0 { (conv.channels, conv.filters) } else { (9, 11) };
    (Conv { channels: channels * groups, filters: filters * groups, groups, ..conv }, n_images.min(5))
}

fn depthwise(random: &mut Random) -> (Conv, usize) {
    let (conv, n_images) = convolution(random);
    let channels = between(random, 2, 70);
    (Conv { channels, filters: channels, groups: channels, ..conv }, n_images.min(6))
}

/// With several tiles in every direction.
fn wide(random: &mut Random) -> (Conv, usize) {
    let (conv, _) = convolution(random);
    let (channels, filters) = (between(random, 6, 40), between(random, 10, 80));
    let kernel = conv.kernel.map(|side| side.min(3));
    (Conv { channels, filters, kernel, size: conv.size.map(|side| side.max(4)), ..conv }, between(random, 1, 6))
}

fn pointwise(random: &mut Random) -> (Conv, usize) {
    let (conv, n_images) = wide(random);
    (Conv { kernel: [1; 2], padding: [0; 2], ..conv }, n_images)
}

fn linear(random: &mut Random) -> (Conv, usize) {
    let (features, units) = (between(random, 1, 200), between(random, 1, 130));
    (covering(features, [1; 2], units), between(random, 1, 80))
}

fn linear_of_maps(random: &mut Random) -> (Conv, usize) {
    let (channels, units) = (between(random, 1, 20), between(random, 1, 70));
    (covering(channels, pair(random, 1, 5), units), between(random, 1, 40))
}

fn covering(channels: usize, size: [usize; 2], filters: usize) -> Conv {
    Conv {
        channels,
        size,
        filters,
        kernel: size,
        stride: size,
        padding: [0; 2],
        dilation: [1; 2],
        groups: 1,
        weights: WeightOrder::Linear,
    }
}

/// Layers of the presets, and a sum that is cut into many pieces.
fn presets() -> Vec<Case> {
    [
        (4, 3, 32, 6, 5, 1, 0),
        (4, 6, 14, 16, 5, 1, 0),
        (6, 1, 28, 16, 5, 2, 0),
        (6, 16, 12, 32, 3, 2, 0),
        (3, 24, 7, 64, 3, 1, 1),
        (40, 1, 28, 8, 3, 1, 1),
    ]
    .map(|(n_images, channels, side, filters, kernel, stride, padding)| Case {
        conv: Conv {
            channels,
            size: [side; 2],
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
            weights: WeightOrder::Conv,
        },
        n_images,
        has_bias: true,
        relu: true,
        is_channels_last: true,
    })
    .into()
}
