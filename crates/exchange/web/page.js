// The page around the network: drawing, file and camera in, classes out, in two languages.

const TEXTS = {
  en: {
    draw: "Draw", clear: "Clear", image: "Photo or camera", choose: "Choose an image:", startCamera: "Start camera", stopCamera: "Stop camera",
    prediction: "Prediction", other: "中文", drawingName: "Drawing area", seenName: "Model input",
    checking: "Comparing the predictions of this file with those of the model that it was made from …",
    equal: (difference) => `The predictions of this file are those of the model that it was made from (largest difference of a probability: ${difference}).`,
    unequal: (difference) => `The predictions of this file are not those of the model that it was made from (largest difference of a probability: ${difference}): do not rely on them.`,
    noCamera: "There is no camera, or this page may not use it.", noImage: "This file is no image that the browser can show.",
  },
  zh: {
    draw: "手绘", clear: "清除", image: "照片或摄像头", choose: "选择图像：", startCamera: "打开摄像头", stopCamera: "关闭摄像头",
    prediction: "预测", other: "English", drawingName: "绘图区", seenName: "模型输入",
    checking: "正在将此文件的预测与原模型的预测进行比较……",
    equal: (difference) => `此文件的预测与原模型一致（概率最大差异 ${difference}）。`,
    unequal: (difference) => `此文件的预测与原模型不一致（概率最大差异 ${difference}），请勿使用。`,
    noCamera: "没有摄像头，或此页面无权使用。", noImage: "浏览器无法将此文件显示为图像。",
  },
};

const TOLERANCE = 1e-4;
const MAX_SIDE_PIXELS = 1024;
const MAX_CLASSES = 10;
const PEN_PIXELS = 18;
/** The least width of a line, as a fraction of the drawing's longer side: the strokes of MNIST are 2 to 3 of 20 pixels wide. */
const LEAST_WIDTH = 0.1;
/** Between two frames of the camera. */
const PAUSE_MS = 100;

const find = (id) => document.getElementById(id);
const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

const model = openModel(JSON.parse(find("network").textContent), bytesOf(find("weights").textContent.trim()).buffer);
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let proof = null;
let camera = null;

function speak() {
  const texts = TEXTS[language];
  document.documentElement.lang = language;
  document.title = model.network.name;
  find("title").textContent = model.network.name;
  find("language").textContent = texts.other;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
  if (camera) find("camera").textContent = texts.stopCamera;
  find("drawing").setAttribute("aria-label", texts.drawingName);
  find("seen").setAttribute("aria-label", texts.seenName);
  const difference = proof?.toExponential(1);
  find("proof").textContent = proof === null ? texts.checking : proof <= TOLERANCE ? texts.equal(difference) : texts.unequal(difference);
  find("proof").className = proof === null || proof <= TOLERANCE ? "" : "wrong";
}

/** Runs the network on the images that it was exported with. */
function check() {
  const differences = model.check.images.flatMap((image, index) =>
    probabilities(model, bytesOf(image)).map((value, k) => Math.abs(value - model.check.probabilities[index][k])));
  proof = differences.every(Number.isFinite) ? differences.reduce((one, other) => Math.max(one, other), 0) : Infinity;
  speak();
}

function show(picture, isDrawing) {
  const bytes = prepare(model, picture, isDrawing);
  find("classes").replaceChildren();
  if (!bytes) return;
  const { channels, height, width } = model.input;
  const seen = find("seen");
  [seen.width, seen.height] = [width, height];
  const pixels = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let k = 0; k < 3; k++) pixels.data[4 * place + k] = bytes[(channels === 1 ? 0 : k * width * height) + place];
    pixels.data[4 * place + 3] = 255;
  }
  seen.getContext("2d").putImageData(pixels, 0, 0);
  const classes = probabilities(model, bytes).map((probability, k) => ({ name: model.classes[k], probability }));
  classes.sort((one, other) => other.probability - one.probability);
  find("classes").append(...classes.slice(0, MAX_CLASSES).map(({ name, probability }) => {
    const item = document.createElement("li");
    const share = `${(100 * probability).toFixed(1)}%`;
    item.style.setProperty("--share", share);
    for (const text of [name, share]) item.append(Object.assign(document.createElement("span"), { textContent: text }));
    return item;
  }));
}

/** The pixels of an image, a video or a canvas, reduced to what is worth reading. */
function pixelsOf(source, width, height) {
  const scale = Math.min(1, MAX_SIDE_PIXELS / Math.max(width, height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function penOn(canvas, lineWidth) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return Object.assign(context, { lineWidth, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
}

/** The pixels of the drawing, whose lines are as wide as those of the training images are, relative to the drawing, even where the pen is thinner. */
function pixelsOfDrawing(canvas, lines) {
  const { width, height } = canvas;
  const points = lines.flat();
  const extent = (axis) => {
    const values = points.map((point) => point[axis]);
    return values.reduce((one, other) => Math.max(one, other)) - values.reduce((one, other) => Math.min(one, other));
  };
  const least = LEAST_WIDTH * Math.max(extent(0), extent(1));
  if (PEN_PIXELS >= least) return canvas.getContext("2d").getImageData(0, 0, width, height);
  const context = penOn(Object.assign(document.createElement("canvas"), { width, height }), least);
  for (const line of lines) {
    context.beginPath();
    for (const point of line) context.lineTo(...point);
    context.stroke();
  }
  return context.getImageData(0, 0, width, height);
}

function listenToPen() {
  const canvas = find("drawing");
  const context = penOn(canvas, PEN_PIXELS);
  const lines = [];
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
  };
  const stroke = (event) => {
    const point = position(event);
    lines.at(-1).push(point);
    context.lineTo(...point);
    context.stroke();
    show(pixelsOfDrawing(canvas, lines), true);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    const point = position(event);
    lines.push([point]);
    context.beginPath();
    context.moveTo(...point);
    stroke(event);
  };
  canvas.onpointermove = (event) => event.buttons && lines.length && stroke(event);
  find("clear").onclick = () => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    lines.length = 0;
    find("classes").replaceChildren();
    // Clears it.
    find("seen").width += 0;
  };
}

async function openFile() {
  find("trouble").textContent = "";
  const [file] = find("file").files;
  if (!file) return;
  try {
    const image = await createImageBitmap(file);
    show(pixelsOf(image, image.width, image.height), false);
  } catch {
    find("trouble").textContent = TEXTS[language].noImage;
  }
}

async function switchCamera() {
  const video = find("video");
  find("trouble").textContent = "";
  if (camera) {
    camera.getTracks().forEach((track) => track.stop());
    camera = null;
  } else {
    try {
      camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = camera;
      await video.play();
      watch(video);
    } catch {
      camera = null;
      find("trouble").textContent = TEXTS[language].noCamera;
    }
  }
  video.hidden = !camera;
  speak();
}

function watch(video) {
  if (!camera) return;
  show(pixelsOf(video, video.videoWidth, video.videoHeight), false);
  setTimeout(() => watch(video), PAUSE_MS);
}

listenToPen();
find("file").onchange = openFile;
find("camera").onclick = switchCamera;
find("language").onclick = () => {
  language = language === "en" ? "zh" : "en";
  speak();
};
speak();
// After the first paint, because a large network takes a moment.
setTimeout(check);
