// Runs a network that Kindling trained, one image at a time. No library, no request.
//
// Features are { data: Float32Array, shape }: maps [channels, height, width], a sequence [length, features], or a vector [length].

/** The probabilities of the classes for an image: bytes of the network's input shape, channel by channel. */
function probabilities(model, bytes) {
  const { channels, height, width } = model.input;
  let x = { data: Float32Array.from(bytes, (byte) => byte / 127.5 - 1), shape: [channels, height, width] };
  x = chain(model, model.network.layers, "", x);
  return softmax(x.data);
}

/** A model from its description and its weights, which are 32-bit floats one tensor after the other. */
function openModel(description, buffer) {
  const tensors = {};
  for (const { name, shape, offset } of description.tensors) {
    const length = shape.reduce((product, side) => product * side, 1);
    tensors[name] = { data: new Float32Array(buffer, 4 * offset, length), shape };
  }
  return { ...description, tensors };
}

function chain(model, layers, prefix, x) {
  layers.forEach((layer, index) => { x = run(model, layer, `${prefix}${index}.`, x); });
  return x;
}

/** One layer: its name, or an object with its name and its fields. Names of its tensors begin with `path`. */
function run(model, layer, path, x) {
  const [kind, fields] = typeof layer === "string" ? [layer, {}] : Object.entries(layer)[0];
  const tensor = (name) => model.tensors[path + name];
  const linear = (name, x) => linearLayer(x, tensor(`${name}weight`), tensor(`${name}bias`));
  switch (kind) {
    case "conv":
      return conv(x, tensor("weight"), tensor("bias"), { ...sliding(fields), groups: fields.groups ?? 1 });
    case "depthwiseConv":
      return conv(x, tensor("weight"), tensor("bias"), { ...sliding(fields), groups: x.shape[0] });
    case "batchNorm": {
      const [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((name) => tensor(name).data);
      const factor = scale.map((value, k) => value / Math.sqrt(variance[k] + 1e-5));
      return scaleChannels(x, factor, shift.map((value, k) => value - mean[k] * factor[k]));
    }
    case "groupNorm":
      return scaleChannels(standardize(x, x.data.length / fields.groups), tensor("weight").data, tensor("bias").data);
    case "layerNorm":
      if (x.shape.length === 3) return scaleChannels(standardize(x, x.data.length), tensor("weight").data, tensor("bias").data);
      return layerNorm(x, tensor("weight"), tensor("bias"));
    case "activation":
      return map(x, ACTIVATIONS[fields]);
    case "maxPool":
      return pool(x, fields, (covered) => covered.reduce((one, other) => Math.max(one, other)));
    case "averagePool":
      return pool(x, fields, (covered) => covered.reduce((one, other) => one + other) / covered.length);
    case "globalAveragePool":
      return foldPlaces(x, (values) => values.reduce((one, other) => one + other) / values.length);
    case "globalMaxPool":
      return foldPlaces(x, (values) => values.reduce((one, other) => Math.max(one, other)));
    case "dropout":
    case "spatialDropout":
      return x;
    case "flatten":
      return { data: x.data, shape: [x.data.length] };
    case "linear":
    case "classifier":
      return linear("", x);
    case "residual": {
      const output = chain(model, fields.layers, `${path}layers.`, x);
      return add(output, shortcut(x, output, tensor("shortcut.weight")));
    }
    case "pooledSkip": {
      const averages = foldPlaces(x, (values) => values.reduce((one, other) => one + other) / values.length);
      const rest = chain(model, fields.layers, `${path}layers.`, x);
      const data = new Float32Array(averages.data.length + rest.data.length);
      data.set(averages.data);
      data.set(rest.data, averages.data.length);
      return { data, shape: [data.length] };
    }
    case "resize":
      return resize(x, fields.size);
    case "depthwiseSeparable": {
      const { filters, kernel, stride } = fields;
      const layers = [
        { depthwiseConv: { kernel, stride, padding: "same" } }, "batchNorm", { activation: "relu" },
        { conv: { filters, kernel: 1, stride: 1, padding: "valid" } }, "batchNorm", { activation: "relu" },
      ];
      return chain(model, layers, `${path}layers.`, x);
    }
    case "squeezeExcitation": {
      const means = foldPlaces(x, (values) => values.reduce((one, other) => one + other) / values.length);
      const hidden = map(linear("fc1.", means), ACTIVATIONS.relu);
      const gates = map(linear("fc2.", hidden), ACTIVATIONS.sigmoid);
      return scaleChannels(x, gates.data, new Float32Array(gates.data.length));
    }
    case "rows":
      return rows(x);
    case "lstm":
    case "gru":
      return recurrent(x, tensor, kind, fields.states ?? "last");
    case "patchEmbedding": {
      const options = { stride: fields.size, padding: 0, dilation: 1, groups: 1 };
      const patches = conv(x, tensor("projection.weight"), tensor("projection.bias"), options);
      return transposed(patches.data, patches.shape[0], patches.shape[1] * patches.shape[2]);
    }
    case "positionEmbedding":
      return add(x, tensor("positions"));
    case "transformerBlock": {
      const attended = attention(layerNorm(x, tensor("norm1.weight"), tensor("norm1.bias")), tensor, linear, fields.heads);
      x = add(x, attended);
      const hidden = linear("linear1.", layerNorm(x, tensor("norm2.weight"), tensor("norm2.bias")));
      return add(x, linear("linear2.", map(hidden, ACTIVATIONS.gelu)));
    }
    default:
      throw new Error(`The layer ${kind} is not known.`);
  }
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

const ACTIVATIONS = {
  relu: (value) => Math.max(value, 0),
  relu6: (value) => Math.min(Math.max(value, 0), 6),
  leakyRelu: (value) => (value < 0 ? 0.01 * value : value),
  gelu: (value) => 0.5 * value * (1 + erf(value * Math.SQRT1_2)),
  silu: (value) => value * sigmoid(value),
  tanh: Math.tanh,
  sigmoid,
};

/** The error function: its series near 0, the continued fraction of its complement beyond. */
function erf(x) {
  const distance = Math.abs(x);
  if (distance < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-12; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = distance;
  for (let n = 39; n > 0; n--) fraction = distance + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction);
}

function sliding({ kernel, stride, padding, dilation = 1 }) {
  return { stride, padding: padding === "same" ? Math.floor(((kernel - 1) * dilation) / 2) : 0, dilation };
}

function map({ data, shape }, value) {
  return { data: data.map(value), shape };
}

function add(x, other) {
  return { data: x.data.map((value, place) => value + other.data[place]), shape: x.shape };
}

function softmax(logits) {
  const largest = logits.reduce((one, other) => Math.max(one, other));
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((one, other) => one + other);
  return powers.map((power) => power / sum);
}

/** Cross-correlation with PyTorch's weight [filters, channels / groups, kernel, kernel]. */
function conv(x, weight, bias, { stride, padding, dilation, groups }) {
  const [channels, height, width] = x.shape;
  const [filters, inGroup, kernel] = weight.shape;
  const [paddedHeight, paddedWidth] = [height + 2 * padding, width + 2 * padding];
  const padded = padding ? new Float32Array(channels * paddedHeight * paddedWidth) : x.data;
  for (let row = 0; padding && row < channels * height; row++) {
    const start = (Math.floor(row / height) * paddedHeight + (row % height) + padding) * paddedWidth + padding;
    padded.set(x.data.subarray(row * width, (row + 1) * width), start);
  }
  const places = (side) => Math.floor((side - (kernel - 1) * dilation - 1) / stride) + 1;
  const [outHeight, outWidth] = [places(paddedHeight), places(paddedWidth)];
  const data = new Float32Array(filters * outHeight * outWidth);
  for (let filter = 0; filter < filters; filter++) {
    const output = data.subarray(filter * outHeight * outWidth, (filter + 1) * outHeight * outWidth).fill(bias ? bias.data[filter] : 0);
    const first = Math.floor(filter / (filters / groups)) * inGroup;
    for (let channel = 0; channel < inGroup; channel++) {
      for (let u = 0; u < kernel; u++) {
        for (let v = 0; v < kernel; v++) {
          const factor = weight.data[((filter * inGroup + channel) * kernel + u) * kernel + v];
          for (let row = 0; row < outHeight; row++) {
            const from = ((first + channel) * paddedHeight + row * stride + u * dilation) * paddedWidth + v * dilation;
            const to = row * outWidth;
            for (let column = 0; column < outWidth; column++) output[to + column] += factor * padded[from + column * stride];
          }
        }
      }
    }
  }
  return { data, shape: [filters, outHeight, outWidth] };
}

/** `fold` gets the values of one window. */
function pool(x, { size, stride }, fold) {
  const [channels, height, width] = x.shape;
  const [outHeight, outWidth] = [height, width].map((side) => Math.floor((side - size) / stride) + 1);
  const data = new Float32Array(channels * outHeight * outWidth);
  const covered = new Float32Array(size * size);
  for (let place = 0; place < data.length; place++) {
    const [row, column] = [Math.floor(place / outWidth) % outHeight, place % outWidth];
    const channel = Math.floor(place / (outHeight * outWidth));
    for (let u = 0; u < size; u++) {
      const start = (channel * height + row * stride + u) * width + column * stride;
      covered.set(x.data.subarray(start, start + size), u * size);
    }
    data[place] = fold(covered);
  }
  return { data, shape: [channels, outHeight, outWidth] };
}

/** Maps scaled to a square, each place between the four around it, by the distances of their centers. */
function resize(x, side) {
  const [channels, height, width] = x.shape;
  const between = (from) => Array.from({ length: side }, (_, place) => {
    const center = Math.min(Math.max(((place + 0.5) * from) / side - 0.5, 0), from - 1);
    const before = Math.floor(center);
    return [before, Math.min(before + 1, from - 1), center - before];
  });
  const [rows, columns] = [between(height), between(width)];
  const data = new Float32Array(channels * side * side);
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    const map = x.data.subarray(channel * height * width, (channel + 1) * height * width);
    for (const [up, down, lower] of rows) {
      for (const [left, right, share] of columns) {
        const upper = map[up * width + left] * (1 - share) + map[up * width + right] * share;
        const below = map[down * width + left] * (1 - share) + map[down * width + right] * share;
        data[to++] = upper * (1 - lower) + below * lower;
      }
    }
  }
  return { data, shape: [channels, side, side] };
}

/** `fold` gets the values of one channel, or of one feature of a sequence. */
function foldPlaces(x, fold) {
  const { data, shape: [channels] } = x.shape.length === 3 ? x : transposed(x.data, ...x.shape);
  const length = data.length / channels;
  const values = Float32Array.from({ length: channels }, (_, channel) => fold(data.subarray(channel * length, (channel + 1) * length)));
  return { data: values, shape: [channels] };
}

/** Columns become rows. */
function transposed(data, nRows, nColumns) {
  const turned = data.map((_, place) => data[(place % nRows) * nColumns + Math.floor(place / nRows)]);
  return { data: turned, shape: [nColumns, nRows] };
}

/** Mean 0 and variance 1 in every `length` values. */
function standardize(x, length) {
  const data = new Float32Array(x.data.length);
  for (let start = 0; start < data.length; start += length) {
    const values = x.data.subarray(start, start + length);
    const mean = values.reduce((sum, value) => sum + value, 0) / length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    data.set(values.map((value) => (value - mean) / Math.sqrt(variance + 1e-5)), start);
  }
  return { data, shape: x.shape };
}

function scaleChannels(x, scale, shift) {
  const length = x.data.length / scale.length;
  return { data: x.data.map((value, place) => value * scale[Math.floor(place / length)] + shift[Math.floor(place / length)]), shape: x.shape };
}

/** Over the features of each item. */
function layerNorm(x, scale, shift) {
  const length = scale.data.length;
  const { data } = standardize(x, length);
  return { data: data.map((value, place) => value * scale.data[place % length] + shift.data[place % length]), shape: x.shape };
}

/** On a vector, or on each item of a sequence, with PyTorch's weight [out, in]. */
function linearLayer(x, weight, bias) {
  const [nOut, nIn] = weight.shape;
  const nItems = x.data.length / nIn;
  const data = new Float32Array(nItems * nOut);
  for (let item = 0; item < nItems; item++) {
    for (let unit = 0; unit < nOut; unit++) {
      let sum = bias ? bias.data[unit] : 0;
      for (let k = 0; k < nIn; k++) sum += weight.data[unit * nIn + k] * x.data[item * nIn + k];
      data[item * nOut + unit] = sum;
    }
  }
  return { data, shape: [...x.shape.slice(0, -1), nOut] };
}

/** A residual block's input in the shape of its output: itself, or projected. */
function shortcut(x, output, weight) {
  if (!weight) return x;
  if (x.shape.length < 3) return linearLayer(x, weight);
  const stride = Math.max(...[1, 2].map((axis) => Math.floor((x.shape[axis] - 1) / output.shape[axis]) + 1));
  return conv(x, weight, undefined, { stride, padding: 0, dilation: 1, groups: 1 });
}

/** The rows of an image, top to bottom, channel by channel. */
function rows(x) {
  const [channels, height, width] = x.shape;
  const data = new Float32Array(x.data.length);
  for (let row = 0; row < channels * height; row++) {
    const [channel, y] = [Math.floor(row / height), row % height];
    data.set(x.data.subarray(row * width, (row + 1) * width), (y * channels + channel) * width);
  }
  return { data, shape: [height, channels * width] };
}

/** PyTorch's LSTM and GRU. */
function recurrent(x, tensor, kind, states) {
  const units = tensor("weight_hh_l0").shape[1];
  const ofItems = linearLayer(x, tensor("weight_ih_l0"), tensor("bias_ih_l0"));
  const [length, nGates] = ofItems.shape;
  const all = new Float32Array(length * units);
  let state = new Float32Array(units);
  const cell = new Float32Array(units);
  for (let item = 0; item < length; item++) {
    const ofState = linearLayer({ data: state, shape: [units] }, tensor("weight_hh_l0"), tensor("bias_hh_l0")).data;
    const ofItem = ofItems.data.subarray(item * nGates, (item + 1) * nGates);
    const gate = (index, unit) => ofItem[index * units + unit] + ofState[index * units + unit];
    state = state.map((old, unit) => {
      if (kind === "lstm") {
        cell[unit] = sigmoid(gate(1, unit)) * cell[unit] + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit));
        return sigmoid(gate(3, unit)) * Math.tanh(cell[unit]);
      }
      const candidate = Math.tanh(ofItem[2 * units + unit] + sigmoid(gate(0, unit)) * ofState[2 * units + unit]);
      return candidate + sigmoid(gate(1, unit)) * (old - candidate);
    });
    all.set(state, item * units);
  }
  return states === "all" ? { data: all, shape: [length, units] } : { data: state, shape: [units] };
}

/** PyTorch's MultiheadAttention of a sequence to itself. */
function attention(x, tensor, linear, heads) {
  const [length, features] = x.shape;
  const projected = linearLayer(x, tensor("self_attn.in_proj_weight"), tensor("self_attn.in_proj_bias")).data;
  const perHead = features / heads;
  const at = (item, part, feature) => projected[item * 3 * features + part * features + feature];
  const data = new Float32Array(length * features);
  for (let head = 0; head < heads; head++) {
    for (let item = 0; item < length; item++) {
      const scores = Array.from({ length }, (_, other) => {
        let score = 0;
        for (let k = head * perHead; k < (head + 1) * perHead; k++) score += at(item, 0, k) * at(other, 1, k);
        return score / Math.sqrt(perHead);
      });
      softmax(scores).forEach((share, other) => {
        for (let k = head * perHead; k < (head + 1) * perHead; k++) data[item * features + k] += share * at(other, 2, k);
      });
    }
  }
  return linear("self_attn.out_proj.", { data, shape: x.shape });
}
