// The judges' page: runs exported files on test images. `prepare`, `onnx` and `tfjs` are called by the benchmark.

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

/** Milliseconds per image, the median of all batches, and the accuracy. `input` is the first image's place to a batch, which is not timed; `run` to its probabilities. */
async function timed(batch, input, run) {
  const times = [];
  let nCorrect = 0;
  for (let first = 0; first + batch <= labels.length; first += batch) {
    const images = await input(first);
    const start = performance.now();
    const probabilities = await run(images);
    times.push((performance.now() - start) / batch);
    const nClasses = probabilities.length / batch;
    for (let image = 0; image < batch; image++) {
      const row = probabilities.subarray(image * nClasses, (image + 1) * nClasses);
      nCorrect += row.indexOf(Math.max(...row)) === labels[first + image];
    }
  }
  times.sort((one, other) => one - other);
  return { ms: times[times.length >> 1], accuracy: nCorrect / (times.length * batch) };
}

window.onnx = async (file) => {
  const session = await ort.InferenceSession.create(file);
  const batch = 100;
  const color = new Uint8Array(images.length * 3);
  images.forEach((byte, place) => color.fill(byte, 3 * place, 3 * place + 3));
  const size = 28 * 28 * 3;
  const input = (first) => new ort.Tensor("uint8", color.subarray(first * size, (first + batch) * size), [batch, 28, 28, 3]);
  const result = await timed(batch, input, async (image) => (await session.run({ image }, ["probabilities"])).probabilities.data);
  await session.release();
  return result;
};

/** As the libraries for sketches give images: 224 x 224 pixels, three colors, x / 127 - 1. */
window.tfjs = async (archive) => {
  const files = await unzip(archive);
  const text = (name) => JSON.parse(new TextDecoder().decode(files.get(name)));
  const { modelTopology, weightsManifest } = text("model.json");
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData: files.get("weights.bin").buffer }));
  const batch = 10;
  const input = async (first) => {
    const large = tf.tidy(() => {
      const gray = tf.tensor4d(Float32Array.from(images.subarray(first * 784, (first + batch) * 784)), [batch, 28, 28, 1]);
      return tf.tile(tf.sub(tf.div(tf.image.resizeNearestNeighbor(gray, [224, 224]), 127), 1), [1, 1, 1, 3]);
    });
    await large.data();
    return large;
  };
  const result = await timed(batch, input, async (large) => {
    const output = model.predict(large);
    const probabilities = await output.data();
    tf.dispose([large, output]);
    return probabilities;
  });
  model.dispose();
  return result;
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
