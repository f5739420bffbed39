// Turns a picture into the network's input as Kindling does: figures are cropped, scaled and centered like the training images, anything else is
// cropped to the input's aspect ratio, or set whole between two bars, and reduced by the mean of the pixels that each pixel covers.
//
// A plane is { width, height, values } with values from 0 to 1, row by row.

const INK_THRESHOLD = 0.125;

/** Bytes of the network's input shape, channel by channel; null for a picture on which nothing can be seen. `picture` is ImageData. */
function prepare(model, picture, isDrawing) {
  const figure = model.style.figure;
  if (figure && isDrawing) {
    const ink = inkOf(gray(picture, paperOf(picture)), 0);
    return ink && place(ink, model.input, figure);
  }
  if (figure) {
    const photo = evenPhoto(picture, model.input);
    if (!photo) return scene(picture, model);
    const ink = inkOf(photo.plane, photo.unevenness);
    return ink && place(ink, model.input, figure);
  }
  const threshold = isDrawing ? INK_THRESHOLD : 0.02;
  return contrast(gray(picture, paperOf(picture))) < threshold ? null : scene(picture, model);
}

/** What transparent pixels are laid on: white, unless what is on it is seen twice as well on black. */
function paperOf(picture) {
  if (!hasTransparency(picture)) return 1;
  const [white, black] = [1, 0].map((paper) => contrast(gray(picture, paper)));
  return black > 2 * white ? 0 : 1;
}

function hasTransparency({ data }) {
  for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha] < 255) return true;
  return false;
}

/** The difference between the lightest and the darkest pixel. */
function contrast({ values }) {
  let [darkest, lightest] = [1, 0];
  for (const value of values) [darkest, lightest] = [Math.min(darkest, value), Math.max(lightest, value)];
  return lightest - darkest;
}

/** The brightness of each pixel over paper of brightness 0 or 1 (ITU-R BT.601). */
function gray(picture, paper) {
  return plane(picture, paper, (red, green, blue) => 0.299 * red + 0.587 * green + 0.114 * blue);
}

function plane({ width, height, data }, paper, value) {
  const values = new Float32Array(width * height);
  for (let place = 0; place < values.length; place++) {
    const at = 4 * place;
    const alpha = data[at + 3] / 255;
    const below = paper * (1 - alpha);
    values[place] = value((data[at] / 255) * alpha + below, (data[at + 1] / 255) * alpha + below, (data[at + 2] / 255) * alpha + below);
  }
  return { width, height, values };
}

function scene(picture, { style, input: { channels, height, width } }) {
  const paper = paperOf(picture);
  const planes = channels === 1
    ? [gray(picture, paper)]
    : [(red) => red, (_, green) => green, (red, green, blue) => blue].map((color) => plane(picture, paper, color));
  const frame = style === "letterbox" ? letterbox : crop;
  const framed = planes.map((plane) => frame(plane, width, height));
  return Uint8ClampedArray.from(framed.flatMap(({ values }) => Array.from(values, (value) => Math.round(255 * value))));
}

function crop(plane, width, height) {
  return resample(plane, centeredArea(plane, width, height), width, height);
}

/** The whole plane between two bars of its border's mean. */
function letterbox(plane, width, height) {
  const scale = Math.min(width / plane.width, height / plane.height);
  const reduced = (side, limit) => Math.max(1, Math.min(limit, Math.round(side * scale)));
  const all = { left: 0, top: 0, width: plane.width, height: plane.height };
  const whole = resample(plane, all, reduced(plane.width, width), reduced(plane.height, height));
  const edge = whole.values.filter((_, place) => {
    const [y, x] = [Math.floor(place / whole.width), place % whole.width];
    return x === 0 || y === 0 || x === whole.width - 1 || y === whole.height - 1;
  });
  const values = new Float32Array(width * height).fill(edge.reduce((sum, value) => sum + value, 0) / edge.length);
  const [left, top] = [Math.floor((width - whole.width) / 2), Math.floor((height - whole.height) / 2)];
  for (let y = 0; y < whole.height; y++) {
    values.set(whole.values.subarray(y * whole.width, (y + 1) * whole.width), (top + y) * width + left);
  }
  return { width, height, values };
}

/** A photo whose border has one brightness, as ink on paper has, reduced, with how uneven that border is; null for any other photo. */
function evenPhoto(picture, shape) {
  const whole = gray(picture, paperOf(picture));
  const area = centeredArea(whole, shape.width, shape.height);
  const finest = (nPixels, side) => Math.max(1, Math.min(8 * nPixels, Math.ceil(side)));
  const plane = resample(whole, area, finest(shape.width, area.width), finest(shape.height, area.height));
  const edge = border(plane);
  const ground = quantile(edge, 0.5);
  // A fifth of the border may differ: a finger, a shadow, a stroke that leaves the frame.
  const unevenness = quantile(edge.map((value) => Math.abs(value - ground)), 0.8);
  return unevenness <= 0.2 ? { plane, unevenness } : null;
}

/** How far each pixel is from the ground, 0 to 1; null if nothing stands out. */
function inkOf(plane, noise) {
  const ground = quantile(border(plane), 0.5);
  const strongest = plane.values.reduce((most, value) => Math.max(most, Math.abs(value - ground)), 0);
  if (strongest < INK_THRESHOLD + 2 * noise) return null;
  const values = plane.values.map((value) => Math.max(0, Math.abs(value - ground) - noise) / (strongest - noise));
  return { ...plane, values };
}

/** Ink scaled and centered like the training images' figures, in their polarity. */
function place(ink, { width, height }, { ground, isLightOnDark, longerSidePixels, anchor, center }) {
  const box = boundingBox(ink);
  if (!box) return null;
  const scale = Math.min(longerSidePixels / Math.max(box.width, box.height), width / box.width, height / box.height);
  const whole = (side, limit) => Math.max(1, Math.min(limit, Math.ceil(side * scale - 1e-3)));
  const [figureWidth, figureHeight] = [whole(box.width, width), whole(box.height, height)];
  const [coveredWidth, coveredHeight] = [figureWidth / scale, figureHeight / scale];
  const covered = {
    left: box.left - (coveredWidth - box.width) / 2,
    top: box.top - (coveredHeight - box.height) / 2,
    width: coveredWidth,
    height: coveredHeight,
  };
  const figure = resample(ink, covered, figureWidth, figureHeight);
  const [anchorY, anchorX] = anchor === "mass" ? centerOfMass(figure) : [(figureHeight - 1) / 2, (figureWidth - 1) / 2];
  const offset = (wanted, limit) => Math.min(limit, Math.max(0, Math.round(wanted)));
  const left = offset(center[1] - anchorX, width - figureWidth);
  const top = offset(center[0] - anchorY, height - figureHeight);
  const full = isLightOnDark ? 1 : 0;
  const bytes = new Uint8ClampedArray(width * height).fill(Math.round(255 * ground));
  figure.values.forEach((value, index) => {
    const [y, x] = [Math.floor(index / figureWidth), index % figureWidth];
    bytes[(top + y) * width + left + x] = Math.round(255 * (ground + value * (full - ground)));
  });
  return bytes;
}

/** The values along the four edges; those in the corners count twice. */
function border({ width, height, values }) {
  const row = (y) => Array.from(values.subarray(y * width, (y + 1) * width));
  const ends = Array.from({ length: height }, (_, y) => [values[y * width], values[(y + 1) * width - 1]]);
  return [...row(0), ...row(height - 1), ...ends.flat()];
}

function quantile(values, fraction) {
  const sorted = Array.from(values).sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * fraction)];
}

function boundingBox({ width, values }) {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
  values.forEach((value, place) => {
    if (value < INK_THRESHOLD) return;
    const [y, x] = [Math.floor(place / width), place % width];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** [y, x] */
function centerOfMass({ width, values }) {
  let [sum, sumY, sumX] = [0, 0, 0];
  values.forEach((value, place) => {
    sum += value;
    sumY += value * Math.floor(place / width);
    sumX += value * (place % width);
  });
  return [sumY / sum, sumX / sum];
}

/** The largest centered rectangle of an aspect ratio. */
function centeredArea(plane, width, height) {
  const scale = Math.min(plane.width / width, plane.height / height);
  const [areaWidth, areaHeight] = [width * scale, height * scale];
  return { left: (plane.width - areaWidth) / 2, top: (plane.height - areaHeight) / 2, width: areaWidth, height: areaHeight };
}

/** Each value is the mean over the pixels that it covers; beyond the plane there are zeros. */
function resample(plane, area, width, height) {
  const columns = spans(area.left, area.width, width, plane.width);
  const rows = spans(area.top, area.height, height, plane.height);
  const narrow = new Float32Array(width * plane.height);
  for (let place = 0; place < narrow.length; place++) {
    const { first, weights } = columns[place % width];
    const start = Math.floor(place / width) * plane.width + first;
    let sum = 0;
    for (let index = 0; index < weights.length; index++) sum += weights[index] * plane.values[start + index];
    narrow[place] = sum;
  }
  const values = Float32Array.from({ length: width * height }, (_, place) => {
    const { first, weights } = rows[Math.floor(place / width)];
    return weights.reduce((sum, weight, index) => sum + weight * narrow[(first + index) * width + (place % width)], 0);
  });
  return { width, height, values };
}

/** The pixels that each of `nSpans` equal parts covers along an axis, with the weight of each. */
function spans(start, length, nSpans, nPixels) {
  const step = length / nSpans;
  const inside = (position) => Math.min(nPixels, Math.max(0, position));
  return Array.from({ length: nSpans }, (_, place) => {
    const [from, to] = [start + place * step, start + (place + 1) * step];
    const [first, end] = [Math.floor(inside(from)), Math.ceil(inside(to))];
    const weights = [];
    for (let pixel = first; pixel < end; pixel++) {
      weights.push(Math.max(0, Math.min(to, pixel + 1) - Math.max(from, pixel)) / step);
    }
    return { first, weights };
  });
}
