//! Arithmetic on tensors in row-major order, each operation by its definition. Shapes are checked before anything is computed.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; every function checks its operands' shapes first"
)]

/// Convolution.
mod conv;

/// Maps below a convolution's kernel.
mod padded;

/// Sums of products.
mod products;

pub use self::conv::conv;
use self::products::product;
use crate::trained::Tensor;

/// What a computation is refused with.
pub type Outcome = Result<Tensor, String>;

/// Maximum number of values in a tensor: more than the weights of the largest network that Kindling trains.
const MAX_VALUES: usize = 1 << 27;

/// Maximum number of values that an operation makes: twice those of the largest layer that Kindling trains.
const MAX_OUTPUTS: usize = 1 << 25;

/// Maximum number of multiply-adds of one operation: a minute.
const MAX_WORK: u64 = 1 << 36;

/// The number of values of a shape.
pub fn n_values(shape: &[usize]) -> Result<usize, String> {
    let product = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    product
        .filter(|&n_values| n_values <= MAX_VALUES)
        .ok_or_else(|| format!("a tensor of shape {shape:?} is too large"))
}

/// The number of values of a shape that is about to be computed.
pub fn n_outputs(shape: &[usize]) -> Result<usize, String> {
    let n_outputs = n_values(shape)?;
    if n_outputs <= MAX_OUTPUTS { Ok(n_outputs) } else { Err(format!("an output of shape {shape:?} is too large")) }
}

pub fn check_work(sides: &[usize]) -> Result<(), String> {
    let product = sides.iter().try_fold(1_u64, |product, &side| product.checked_mul(side as u64));
    product.filter(|&work| work <= MAX_WORK).map(drop).ok_or_else(|| "it takes too much work".to_owned())
}

/// A tensor whose values fill its shape.
pub fn tensor(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Outcome {
    let shape = shape.into();
    if n_values(&shape)? == values.len() {
        Ok(Tensor { shape, values })
    } else {
        Err(format!("{} values for a tensor of shape {shape:?}", values.len()))
    }
}

pub fn dims<const D: usize>(x: &Tensor) -> Result<[usize; D], String> {
    let dims = x.shape.as_slice().try_into();
    dims.map_err(|_| format!("a tensor of shape {:?} where {D} axes are needed", x.shape))
}

pub fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// How a kernel moves over maps.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub stride: [usize; 2],
    /// Above, left, below, right.
    pub pads: [usize; 4],
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl Window {
    pub const PLAIN: Self = Self { stride: [1; 2], pads: [0; 4], dilation: [1; 2], groups: 1 };

    /// The number of positions of a kernel along each axis.
    pub fn places(&self, size: [usize; 2], kernel: [usize; 2]) -> Result<[usize; 2], String> {
        const MAX_PARAMETER: usize = 1 << 16;
        let [top, left, bottom, right] = self.pads;
        let place = |size: usize, pads: usize, kernel: usize, stride: usize, dilation: usize| {
            let is_sane = [pads, kernel, stride, dilation].iter().all(|&it| it <= MAX_PARAMETER);
            ensure(is_sane && kernel > 0 && stride > 0 && dilation > 0, "a window with parameters out of range")?;
            let extent = (kernel - 1) * dilation + 1;
            (size + pads)
                .checked_sub(extent)
                .map(|rest| rest / stride + 1)
                .ok_or_else(|| "a window larger than its maps".to_owned())
        };
        Ok([
            place(size[0], top.saturating_add(bottom), kernel[0], self.stride[0], self.dilation[0])?,
            place(size[1], left.saturating_add(right), kernel[1], self.stride[1], self.dilation[1])?,
        ])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    Max,
    Average,
}

/// Square or rectangular windows without padding.
pub fn pool(x: &Tensor, pooling: Pooling, kernel: [usize; 2], stride: [usize; 2]) -> Outcome {
    let [n_images, channels, height, width] = dims(x)?;
    let [out_height, out_width] = Window { stride, ..Window::PLAIN }.places([height, width], kernel)?;
    let shape = [n_images, channels, out_height, out_width];
    check_work(&[n_values(&shape)?, kernel[0], kernel[1]])?;
    let mut values = Vec::with_capacity(n_outputs(&shape)?);
    for map in x.values.chunks_exact((height * width).max(1)) {
        for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
            let rows = (0..kernel[0]).map(|row| (y * stride[0] + row) * width + x * stride[1]);
            let covered = rows.flat_map(|start| &map[start..start + kernel[1]]);
            values.push(match pooling {
                Pooling::Max => covered.copied().fold(f32::NEG_INFINITY, f32::max),
                Pooling::Average => mean(covered),
            });
        }
    }
    tensor(shape, values)
}

/// `[…, rows, inner]` by `[inner, columns]`, or by `[…, inner, columns]` with the same leading axes.
pub fn matmul(a: &Tensor, b: &Tensor) -> Outcome {
    let ([leading @ .., rows, inner], [b_leading @ .., b_inner, columns]) = (&a.shape[..], &b.shape[..]) else {
        return Err("a product of vectors".to_owned());
    };
    let (rows, inner, columns) = (*rows, *inner, *columns);
    ensure(inner == *b_inner, "a product of matrices that do not fit")?;
    ensure(b_leading.is_empty() || b_leading == leading, "a product of stacks that do not fit")?;
    let shape: Vec<usize> = leading.iter().copied().chain([rows, columns]).collect();
    let n_output = n_outputs(&shape)?;
    check_work(&[n_output, inner])?;
    let mut values = vec![0.0; n_output];
    let outputs = values.chunks_exact_mut((rows * columns).max(1));
    for (matrix, (a, output)) in a.values.chunks_exact((rows * inner).max(1)).zip(outputs).enumerate() {
        let b = if b_leading.is_empty() { &b.values[..] } else { &b.values[matrix * inner * columns..] };
        product(a, b, [inner, columns], [columns, 1], output);
    }
    tensor(shape, values)
}

/// `x Wᵀ + b` over the last axis, with PyTorch's weight `[out, in]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Outcome {
    let [n_out, n_in] = dims(weight)?;
    let [leading @ .., n_last] = &x.shape[..] else { return Err("a product of no vector".to_owned()) };
    ensure(*n_last == n_in, "vectors that do not fit the weights")?;
    let shape: Vec<usize> = leading.iter().copied().chain([n_out]).collect();
    let n_output = n_outputs(&shape)?;
    check_work(&[n_output, n_in])?;
    let mut values = vec![0.0; n_output];
    product(&x.values, &weight.values, [n_in, n_out], [1, n_in], &mut values);
    let products = tensor(shape, values)?;
    match bias {
        None => Ok(products),
        Some(bias) => binary(&products, bias, |one, other| one + other),
    }
}

pub fn map(x: &Tensor, function: impl Fn(f32) -> f32) -> Tensor {
    Tensor { shape: x.shape.clone(), values: x.values.iter().map(|value| function(*value)).collect() }
}

/// Element by element; an axis of length 1, or one that is missing in front, is repeated.
pub fn binary(a: &Tensor, b: &Tensor, function: impl Fn(f32, f32) -> f32) -> Outcome {
    let n_repeating = b.shape.iter().take_while(|&&side| side == 1).count();
    if b.shape.len() <= a.shape.len() && a.shape.ends_with(&b.shape[n_repeating..]) && !b.values.is_empty() {
        let pairs = a.values.chunks_exact(b.values.len()).flat_map(|values| values.iter().zip(&b.values));
        return tensor(a.shape.clone(), pairs.map(|(one, other)| function(*one, *other)).collect());
    }
    let n_axes = a.shape.len().max(b.shape.len());
    let side = |x: &Tensor, axis: usize| {
        let missing = n_axes - x.shape.len();
        axis.checked_sub(missing).and_then(|axis| x.shape.get(axis)).copied().unwrap_or(1)
    };
    let shape = (0..n_axes).map(|axis| match (side(a, axis), side(b, axis)) {
        (one, other) if one == other || other == 1 => Ok(one),
        (1, other) => Ok(other),
        (one, other) => Err(format!("sides of {one} and {other} do not fit")),
    });
    let shape = shape.collect::<Result<Vec<_>, _>>()?;
    // The distance between neighbors along each axis; 0 repeats.
    let strides = |x: &Tensor| {
        let mut strides = vec![0; n_axes];
        let mut distance = 1;
        for axis in (0..n_axes).rev() {
            let side = side(x, axis);
            strides[axis] = if side == 1 { 0 } else { distance };
            distance *= side;
        }
        strides
    };
    let (a_strides, b_strides) = (strides(a), strides(b));
    let n_output = n_outputs(&shape)?;
    let mut place = vec![0; n_axes];
    let mut values = Vec::with_capacity(n_output);
    for _ in 0..n_output {
        let at = |strides: &[usize]| place.iter().zip(strides).map(|(index, stride)| index * stride).sum::<usize>();
        values.push(function(a.values[at(&a_strides)], b.values[at(&b_strides)]));
        for axis in (0..n_axes).rev() {
            place[axis] += 1;
            if place[axis] < shape[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
    tensor(shape, values)
}

/// Axis `i` of the result is axis `order[i]` of `x`.
pub fn transpose(x: &Tensor, order: &[usize]) -> Outcome {
    let mut values = Vec::with_capacity(x.values.len());
    let shape = transpose_into(&mut values, (&x.values[..], &x.shape[..]), order)?;
    tensor(shape, values)
}

/// Appends values that fill a shape with their axes in another order; returns the new shape.
pub fn transpose_into<T: Copy>(
    into: &mut Vec<T>,
    (values, shape): (&[T], &[usize]),
    order: &[usize],
) -> Result<Vec<usize>, String> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    ensure(sorted.iter().copied().eq(0..shape.len()), "an order that is none of the axes")?;
    let turned: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let strides: Vec<usize> = order.iter().map(|&axis| shape[axis + 1..].iter().product()).collect();
    let Some((n_last, last_stride)) = turned.last().zip(strides.last()).filter(|_| !values.is_empty()) else {
        into.extend(values);
        return Ok(turned);
    };
    let mut place = vec![0; turned.len() - 1];
    for _ in 0..values.len() / n_last {
        let start: usize = place.iter().zip(&strides).map(|(index, stride)| index * stride).sum();
        into.extend((0..*n_last).map(|index| values[start + index * last_stride]));
        for axis in (0..place.len()).rev() {
            place[axis] += 1;
            if place[axis] < turned[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
    Ok(turned)
}

pub fn reshape(x: Tensor, shape: impl Into<Vec<usize>>) -> Outcome {
    tensor(shape, x.values)
}

/// Maps `[batch, channels, height, width]` scaled to a square, each place between the four around it, by the distances of their centers.
pub fn resize(x: &Tensor, side: usize) -> Outcome {
    let [n_images, channels, height, width] = dims(x)?;
    let shape = [n_images, channels, side, side];
    let mut values = Vec::with_capacity(n_outputs(&shape)?);
    let between = |place: usize, from: usize| {
        let last = from.saturating_sub(1);
        let center = ((place as f64 + 0.5) * from as f64 / side as f64 - 0.5).clamp(0.0, last as f64);
        let before = center as usize;
        (before, (before + 1).min(last), center - before as f64)
    };
    for map in x.values.chunks_exact((height * width).max(1)) {
        let at = |row: usize, column: usize| f64::from(map.get(row * width + column).copied().unwrap_or_default());
        for (up, down, lower) in (0..side).map(|place| between(place, height)) {
            for (left, right, righter) in (0..side).map(|place| between(place, width)) {
                let upper = at(up, left) * (1.0 - righter) + at(up, right) * righter;
                let below = at(down, left) * (1.0 - righter) + at(down, right) * righter;
                values.push((upper * (1.0 - lower) + below * lower) as f32);
            }
        }
    }
    tensor(shape, values)
}

/// Vectors `[batch, length]` side by side.
pub fn beside(parts: &[&Tensor]) -> Outcome {
    let n_images = parts.first().and_then(|part| part.shape.first()).copied().unwrap_or_default();
    let mut lengths = Vec::new();
    for part in parts {
        let [found, length] = dims(part)?;
        if found != n_images {
            return Err("parts of unlike batches".to_owned());
        }
        lengths.push(length);
    }
    let rows = (0..n_images).flat_map(|image| {
        let row =
            parts.iter().zip(&lengths).map(move |(part, length)| part.values.iter().skip(image * length).take(*length));
        row.flatten().copied()
    });
    tensor([n_images, lengths.iter().sum()], rows.collect())
}

/// Folds the given number of last axes into one value.
pub fn fold_last(x: &Tensor, n_axes: usize, pooling: Pooling) -> Outcome {
    let kept = x.shape.len().checked_sub(n_axes).ok_or("more axes are folded than there are")?;
    let (kept, folded) = x.shape.split_at(kept);
    let n_folded = n_values(folded)?;
    ensure(n_folded > 0, "nothing is folded")?;
    let values = x.values.chunks_exact(n_folded).map(|values| match pooling {
        Pooling::Max => values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        Pooling::Average => mean(values),
    });
    tensor(kept, values.collect())
}

/// In 64 bits: 32 bits would be off by more than the tolerance where thousands of values are added.
fn mean<'a>(values: impl IntoIterator<Item = &'a f32>) -> f32 {
    let (sum, n_values) =
        values.into_iter().fold((0.0, 0_u32), |(sum, n_values), value| (sum + f64::from(*value), n_values + 1));
    (sum / f64::from(n_values.max(1))) as f32
}

/// Mean 0 and variance 1 over the last axis.
pub fn standardize(x: &Tensor, epsilon: f32) -> Outcome {
    let n_last = x.shape.last().copied().filter(|&side| side > 0).ok_or("nothing to standardize")?;
    let mut values = Vec::with_capacity(x.values.len());
    for row in x.values.chunks_exact(n_last) {
        let mean = row.iter().map(|value| f64::from(*value)).sum::<f64>() / n_last as f64;
        let variance = row.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n_last as f64;
        let scale = 1.0 / (variance + f64::from(epsilon)).sqrt();
        values.extend(row.iter().map(|value| ((f64::from(*value) - mean) * scale) as f32));
    }
    tensor(x.shape.clone(), values)
}

/// Over the last axis.
pub fn softmax(x: &Tensor) -> Outcome {
    let n_last = x.shape.last().copied().filter(|&side| side > 0).ok_or("a softmax of nothing")?;
    let mut values = Vec::with_capacity(x.values.len());
    for row in x.values.chunks_exact(n_last) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f32> = row.iter().map(|value| (value - largest).exp()).collect();
        let sum: f32 = exponentials.iter().sum();
        values.extend(exponentials.iter().map(|value| value / sum));
    }
    tensor(x.shape.clone(), values)
}

/// Scale and shift of each channel, axis 1 of `x`.
pub fn scale_channels(x: &Tensor, scale: &[f32], shift: &[f32]) -> Outcome {
    let channels = x.shape.get(1).copied().filter(|&side| side > 0).ok_or("no channels to scale")?;
    ensure(scale.len() == channels && shift.len() == channels, "a scale that does not fit the channels")?;
    let n_places = n_values(&x.shape[2..])?.max(1);
    let channel = |place: usize| place / n_places % channels;
    let values =
        x.values.iter().enumerate().map(|(place, value)| value * scale[channel(place)] + shift[channel(place)]);
    tensor(x.shape.clone(), values.collect())
}

/// The scale and shift that a batch norm's statistics amount to.
pub fn norm_scale_and_shift([scale, shift, mean, variance]: [&Tensor; 4], epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = scale
        .values
        .iter()
        .zip(&variance.values)
        .map(|(scale, variance)| scale / (variance + epsilon).sqrt())
        .collect();
    let means = mean.values.iter().zip(&scale);
    let shift = shift.values.iter().zip(means).map(|(shift, (mean, scale))| shift - mean * scale).collect();
    (scale, shift)
}

/// The weights of a recurrent layer: `[gates * units, features]`, `[gates * units, units]`, and both biases.
pub struct Recurrence<'a> {
    pub of_item: &'a Tensor,
    pub of_state: &'a Tensor,
    pub item_bias: &'a Tensor,
    pub state_bias: &'a Tensor,
    /// Positions of the gates: input, forget, candidate, output of an LSTM; reset, update, candidate of a GRU.
    pub gates: &'a [usize],
}

impl Recurrence<'_> {
    /// The hidden state after each item: `[batch, length, features]` to `[batch, length, units]`. Four gates are an LSTM, three a GRU whose
    /// reset gate scales the state's contribution with its bias.
    pub fn states(&self, x: &Tensor) -> Outcome {
        let [n_images, length, _] = dims(x)?;
        let [_, units] = dims(self.of_state)?;
        let n_gates = self.gates.len();
        ensure(self.gates.iter().all(|&gate| gate < n_gates), "gates that do not exist")?;
        let of_items = linear(x, self.of_item, Some(self.item_bias))?;
        ensure(of_items.shape == [n_images, length, n_gates * units], "gates that do not fit the units")?;
        let mut state = Tensor { shape: vec![n_images, units], values: vec![0.0; n_outputs(&[n_images, units])?] };
        let mut cells = state.values.clone();
        let mut states = vec![0.0; n_outputs(&[n_images, length, units])?];
        for item in 0..length {
            let of_state = linear(&state, self.of_state, Some(self.state_bias))?;
            ensure(of_state.shape == [n_images, n_gates * units], "gates that do not fit the state")?;
            for (image, unit) in (0..n_images).flat_map(|image| (0..units).map(move |unit| (image, unit))) {
                let gate = |index: usize| {
                    let column = self.gates[index] * units + unit;
                    let item = of_items.values[(image * length + item) * n_gates * units + column];
                    (item, of_state.values[image * n_gates * units + column])
                };
                let sum = |index: usize| gate(index).0 + gate(index).1;
                let place = image * units + unit;
                let next = if n_gates == 4 {
                    cells[place] = sigmoid(sum(1)) * cells[place] + sigmoid(sum(0)) * sum(2).tanh();
                    sigmoid(sum(3)) * cells[place].tanh()
                } else {
                    let (item, state_part) = gate(2);
                    let candidate = (item + sigmoid(sum(0)) * state_part).tanh();
                    candidate + sigmoid(sum(1)) * (state.values[place] - candidate)
                };
                states[(image * length + item) * units + unit] = next;
            }
            for image in 0..n_images {
                let start = (image * length + item) * units;
                state.values[image * units..(image + 1) * units].copy_from_slice(&states[start..start + units]);
            }
        }
        tensor([n_images, length, units], states)
    }
}

/// The last item of each sequence: `[batch, length, features]` to `[batch, features]`.
pub fn last_item(x: &Tensor) -> Outcome {
    let [n_images, length, features] = dims(x)?;
    ensure(length > 0, "a sequence without items")?;
    let last = x.values.chunks_exact((length * features).max(1)).flat_map(|image| &image[(length - 1) * features..]);
    tensor([n_images, features], last.copied().collect())
}

pub fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}
