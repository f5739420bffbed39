// The judges' page: runs exported files on test images. `prepare`, `onnx` and `tfjs` are called by the benchmark.

const N_ROUNDS = 3;

let images, labels;

/** `pixels` has one byte for each pixel of the gray images of 28 x 28, one after the other. */
window.prepare = async (pixels, classes) => {
  [images, labels] = [pixels, classes];
  window.ort = await import(new URL("ort.wasm.min.mjs", document.baseURI).href);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./", document.baseURI).href;
  tf.wasm.setWasmPaths(new URL("./", document.baseURI).href);
  tf.wasm.setThreadsCount(1);
  await tf.setBackend("wasm");
};

/** Milliseconds per image, the median of some rounds, and the accuracy of the first. */
async function timed(batch, run) {
  const n = labels.length;
  const times = [];
  let nCorrect = 0;
  for (let round = 0; round <= N_ROUNDS; round++) {
    const start = performance.now();
    for (let first = 0; first < n; first += batch) {
      const probabilities = await run(first, Math.min(batch, n - first));
      if (round > 0) continue;
      const nClasses = probabilities.length / Math.min(batch, n - first);
      for (let image = 0; image < probabilities.length / nClasses; image++) {
        const row = probabilities.subarray(image * nClasses, (image + 1) * nClasses);
        nCorrect += row.indexOf(Math.max(...row)) === labels[first + image];
      }
    }
    // The first round warms up.
    if (round > 0) times.push((performance.now() - start) / n);
  }
  times.sort((one, other) => one - other);
  return { ms: times[N_ROUNDS >> 1], accuracy: nCorrect / n };
}

window.onnx = async (file) => {
  const session = await ort.InferenceSession.create(file);
  const color = new Uint8Array(images.length * 3);
  images.forEach((byte, place) => color.fill(byte, 3 * place, 3 * place + 3));
  const size = 28 * 28 * 3;
  return timed(100, async (first, n) => {
    const image = new ort.Tensor("uint8", color.subarray(first * size, (first + n) * size), [n, 28, 28, 3]);
    return (await session.run({ image }, ["probabilities"])).probabilities.data;
  });
};

/** As the libraries for sketches give images: 224 x 224 pixels, three colors, x / 127 - 1. */
window.tfjs = async (archive) => {
  const files = await unzip(archive);
  const text = (name) => JSON.parse(new TextDecoder().decode(files.get(name)));
  const { modelTopology, weightsManifest } = text("model.json");
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData: files.get("weights.bin").buffer }));
  const batch = 10;
  const inputs = [];
  for (let first = 0; first < labels.length; first += batch) {
    inputs.push(() => tf.tidy(() => {
      const gray = tf.tensor4d(Float32Array.from(images.subarray(first * 784, (first + batch) * 784)), [batch, 28, 28, 1]);
      return tf.tile(tf.image.resizeNearestNeighbor(gray, [224, 224]).div(127).sub(1), [1, 1, 1, 3]);
    }));
  }
  // The making of the large images is no work of the network.
  let spent = 0;
  const result = await timed(batch, async (first) => {
    const start = performance.now();
    const input = inputs[first / batch]();
    await input.data();
    spent += performance.now() - start;
    const output = model.predict(input);
    const probabilities = await output.data();
    tf.dispose([input, output]);
    return probabilities;
  });
  return { ...result, ms: result.ms - spent / ((N_ROUNDS + 1) * labels.length) };
};

/** The files of a zip archive by their names. */
async function unzip(archive) {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  let end = archive.length - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end--;
  let at = view.getUint32(end + 16, true);
  const files = new Map();
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const size = view.getUint32(at + 20, true);
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const header = view.getUint32(at + 42, true);
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    const packed = new Blob([archive.subarray(start, start + size)]);
    const unpacked = new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
    files.set(new TextDecoder().decode(archive.subarray(at + 46, at + 46 + name)), new Uint8Array(await unpacked));
    at += 46 + name + extra + comment;
  }
  return files;
}
