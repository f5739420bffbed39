// Classifies images with a network that Kindling trained, in the page that imports this. No library, no server.
//
//     import { load } from "./kindling-classifier.js";
//     const classifier = await load("network.json");
//     const [best] = await classifier.classify(image);        // { label, probability }

@ENGINE@
@PREPARE@
const MAX_SIDE_PIXELS = 1024;

/** A classifier from the address of a network.json, or from its content. */
export async function load(source) {
  const document = typeof source === "object" && !(source instanceof URL) ? source : await fetchJson(source);
  if (document.format !== "kindling-network-1") throw new TypeError("This is no network that Kindling exported.");
  const weights = Uint8Array.from(atob(document.weights), (letter) => letter.charCodeAt(0));
  return new Classifier(openModel(document, weights.buffer));
}

const loaded = new Map();

/** The classes of an image, most probable first; the network is fetched once. */
export async function classify(image, source = new URL("network.json", import.meta.url)) {
  const address = String(source);
  if (!loaded.has(address)) loaded.set(address, load(source));
  return (await loaded.get(address)).classify(image);
}

export class Classifier {
  #model;

  constructor(model) {
    this.#model = model;
  }

  get classes() {
    return [...this.#model.classes];
  }

  /**
   * The classes of an image, most probable first; none where nothing can be seen. `drawing` says that strokes on paper are to be cropped and centered
   * like the figures that the network was trained on.
   */
  async classify(image, { drawing = false } = {}) {
    const bytes = prepare(this.#model, await pixelsOf(image), drawing);
    if (!bytes) return [];
    const classes = probabilities(this.#model, bytes).map((probability, k) => ({ label: this.#model.classes[k], probability }));
    return classes.sort((one, other) => other.probability - one.probability);
  }

  /** The largest difference between the probabilities that Kindling computed for a few images and those computed here. */
  check() {
    const { images, probabilities: expected } = this.#model.check;
    const differences = images.flatMap((image, index) => {
      const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
      return probabilities(this.#model, bytes).map((value, k) => Math.abs(value - expected[index][k]));
    });
    return differences.every(Number.isFinite) ? differences.reduce((one, other) => Math.max(one, other), 0) : Infinity;
  }
}

async function fetchJson(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be fetched (${response.status}).`);
  return response.json();
}

/** The pixels of anything that a canvas can draw, or of a Blob, reduced to what is worth reading. */
async function pixelsOf(image) {
  if (image instanceof ImageData) return image;
  const source = image instanceof Blob ? await createImageBitmap(image) : image;
  const width = source.videoWidth || source.naturalWidth || source.width;
  const height = source.videoHeight || source.naturalHeight || source.height;
  if (!width || !height) throw new TypeError("The image has no size yet.");
  const scale = Math.min(1, MAX_SIDE_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * `<kindling-classifier src="network.json">`: a file field, and the most probable classes of the chosen image. Emits `result` with the classes
 * as `detail`, and `error` with an Error. Where there are no elements, as in Node, the functions above still work.
 */
class KindlingClassifier extends (globalThis.HTMLElement ?? Object) {
  #field = Object.assign(document.createElement("input"), { type: "file", accept: "image/*" });
  #list = document.createElement("ol");

  connectedCallback() {
    if (this.shadowRoot) return;
    const label = Object.assign(document.createElement("label"), { textContent: this.getAttribute("label") ?? "" });
    label.append(this.#field);
    this.#list.ariaLive = "polite";
    this.attachShadow({ mode: "open" }).append(label, this.#list);
    this.#field.onchange = () => this.#field.files[0] && this.classify(this.#field.files[0]);
  }

  /** Classifies and shows an image. */
  async classify(image) {
    try {
      const classes = await classify(image, new URL(this.getAttribute("src") ?? "network.json", document.baseURI));
      const line = ({ label, probability }) => `${label} ${(100 * probability).toFixed(1)}%`;
      this.#list.replaceChildren(...classes.slice(0, 3).map((one) => Object.assign(document.createElement("li"), { textContent: line(one) })));
      this.dispatchEvent(new CustomEvent("result", { detail: classes }));
      return classes;
    } catch (error) {
      this.dispatchEvent(new CustomEvent("error", { detail: error }));
      throw error;
    }
  }
}

globalThis.customElements?.define("kindling-classifier", KindlingClassifier);
