// Runs exported networks in Node and prints the largest difference of each from Kindling's probabilities, as JSON.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import vm from "node:vm";
import { inflateRawSync } from "node:zlib";

const bytesOf = (base64) => Uint8Array.from(Buffer.from(base64, "base64"));

/** The scripts of a page of one file, without the part that draws. */
function page(folder) {
  const html = readFileSync(join(folder, "model.html"), "utf8");
  const script = (start) => html.slice(html.indexOf(start) + start.length).split("</script>")[0];
  const code = script("<script>").split("// The page around the network")[0];
  const context = vm.createContext({ description: JSON.parse(script('id="network">')), weights: bytesOf(script('id="weights">')).buffer });
  // A page has these names: a script that declares one of them again does not start.
  vm.runInContext("let window, document, location, top;", context);
  vm.runInContext(`${code}\nconst model = openModel(description, weights);`, context);
  return (image) => vm.runInContext("(image) => probabilities(model, image)", context)(image);
}

/** One file of a zip archive, found by its central directory. */
function unzip(archive, name) {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = archive.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const [method, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true)];
    const lengths = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const header = view.getUint32(at + 42, true);
    if (archive.toString("utf8", at + 46, at + 46 + lengths[0]) === name) {
      const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      const bytes = archive.subarray(start, start + size);
      return method === 0 ? bytes : inflateRawSync(bytes);
    }
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  throw new Error(`the archive has no ${name}`);
}

/** The module as a page imports it, but for the pixels: what is judged is the network. */
async function module(folder) {
  const archive = readFileSync(join(folder, "model.zip"));
  const code = unzip(archive, "kindling-classifier.js").toString();
  // `probabilities` is not exported: pages have pictures, not bytes of the network's input shape.
  const { load, inner } = await import(`data:text/javascript,${encodeURIComponent(`${code}\nexport const inner = { openModel, probabilities };`)}`);
  const document = JSON.parse(unzip(archive, "network.json").toString());
  const ownDifference = (await load(document)).check();
  if (!(ownDifference <= 1e-4)) throw new Error(`the module's own check: ${ownDifference}`);
  const model = inner.openModel(document, bytesOf(document.weights).buffer);
  return (image) => inner.probabilities(model, image);
}

const require = createRequire(join(process.env.KINDLING_JUDGES_MODULES, "judge.js"));

async function onnx(folder) {
  const ort = require("onnxruntime-web");
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(readFileSync(join(folder, "model.onnx")));
  const { channels, height, width } = JSON.parse(readFileSync(join(folder, "shape.json"), "utf8"));
  return async (image) => {
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, place) => {
      const channel = channels === 1 ? 0 : place % 3;
      return image[channel * height * width + Math.floor(place / 3)];
    });
    const { probabilities } = await session.run({ image: new ort.Tensor("uint8", pixels, [1, height, width, 3]) }, ["probabilities"]);
    return probabilities.data;
  };
}

/** As ml5.js and Teachable Machine's library do: a color image of 224 x 224 pixels, scaled by x / 127 - 1. */
async function tfjs(folder) {
  const tf = require("@tensorflow/tfjs-core");
  const { loadLayersModel } = require("@tensorflow/tfjs-layers");
  const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
  require("@tensorflow/tfjs-backend-cpu");
  setWasmPaths(join(process.env.KINDLING_JUDGES_MODULES, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"));
  await tf.setBackend(process.env.KINDLING_JUDGES_BACKEND ?? "wasm");
  const archive = readFileSync(join(folder, "model.zip"));
  const json = (name) => JSON.parse(unzip(archive, name).toString());
  const { modelTopology, weightsManifest } = json("model.json");
  const weights = Uint8Array.from(unzip(archive, "weights.bin"));
  const labels = json("metadata.json").labels;
  const model = await loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData: weights.buffer }));
  const { channels, height, width } = JSON.parse(readFileSync(join(folder, "shape.json"), "utf8"));
  const [tall, wide] = [height, width].map((side) => Math.floor(224 / side));
  const [top, left] = [height * tall, width * wide].map((side) => Math.floor((224 - side) / 2));
  return async (image) => {
    const pixels = new Float32Array(224 * 224 * 3).fill(-1);
    for (let y = 0; y < height * tall; y++) for (let x = 0; x < width * wide; x++) for (let k = 0; k < 3; k++) {
      const place = ((channels === 1 ? 0 : k) * height + Math.floor(y / tall)) * width + Math.floor(x / wide);
      pixels[((top + y) * 224 + left + x) * 3 + k] = image[place] / 127 - 1;
    }
    const found = tf.tidy(() => model.predict(tf.tensor(pixels, [1, 224, 224, 3])).dataSync());
    if (found.length !== labels.length) throw new Error(`${found.length} probabilities for ${labels.length} labels`);
    return found;
  };
}

/** The largest difference between a byte of a prepared picture and Kindling's. */
function prepared(file) {
  const { code, model, pictures } = JSON.parse(readFileSync(file, "utf8"));
  const context = vm.createContext({ model });
  vm.runInContext(code, context);
  const differences = pictures.flatMap(({ width, height, rgba, isDrawing, prepared }) => {
    Object.assign(context, { picture: { width, height, data: Uint8ClampedArray.from(rgba) }, isDrawing });
    const found = vm.runInContext("prepare(model, picture, isDrawing)", context);
    if (found.length !== prepared.length) throw new Error(`${found.length} bytes instead of ${prepared.length}`);
    return prepared.map((byte, place) => Math.abs(byte - found[place]));
  });
  return Math.max(...differences);
}

/** The largest difference of a probability. */
async function judge(folder, open) {
  const check = JSON.parse(readFileSync(join(folder, "check.json"), "utf8"));
  const run = await open(folder);
  let largest = 0;
  for (const [index, image] of check.images.entries()) {
    const found = await run(bytesOf(image));
    check.probabilities[index].forEach((value, k) => {
      const difference = Math.abs(value - found[k]);
      largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
    });
  }
  return largest;
}

const [, , format, root] = process.argv;
const differences = {};
for (const name of readdirSync(root)) {
  differences[name] = format === "prepare" ? prepared(join(root, name)) : await judge(join(root, name), { page, module, onnx, "onnx-int8": onnx, tfjs }[format]);
}
console.log(JSON.stringify(differences));
