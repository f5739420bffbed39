//! How a program uses an exported file: a few lines for each format, to copy.

use kindling_core::dataset::DrawingStyle;
use kindling_core::protocol::{ExportFormat, ExportTarget, Int8Format};
use kindling_core::runs::record::NetworkInput;

/// The lines for a file of this name, and for a network with this input.
pub fn snippet(target: ExportTarget, name: &str, input: &NetworkInput) -> String {
    let snippet = match target {
        ExportTarget::Float(ExportFormat::Page) => PAGE,
        ExportTarget::Float(ExportFormat::Onnx) | ExportTarget::Int8(Int8Format::Onnx) => ONNX,
        ExportTarget::Float(ExportFormat::Tflite) | ExportTarget::Int8(Int8Format::Tflite) => TFLITE,
        ExportTarget::Float(ExportFormat::Tfjs) => TFJS,
        ExportTarget::Float(ExportFormat::Safetensors) => SAFETENSORS,
        ExportTarget::Float(ExportFormat::Module) => MODULE,
    };
    let size = format!("({}, {})", input.shape.width, input.shape.height);
    snippet.replace("FRAMED", framed(&input.style)).replace("SIZE", &size).replace("FILE", name)
}

/// An image in Python as the network has seen others: upright, and framed as they were.
fn framed(style: &DrawingStyle) -> &'static str {
    match style {
        DrawingStyle::Scene => CROPPED,
        DrawingStyle::Letterbox => BETWEEN_BARS,
        DrawingStyle::Figure(style) if style.is_light_on_dark => LIGHT_FIGURE,
        DrawingStyle::Figure(_) => DARK_FIGURE,
    }
}

const CROPPED: &str = r#"image = ImageOps.exif_transpose(Image.open("image.png")).convert("RGB")
image = ImageOps.fit(image, SIZE, Image.BOX)"#;

const BETWEEN_BARS: &str = r#"image = ImageOps.exif_transpose(Image.open("image.png")).convert("RGB")
mean = image.resize((1, 1), Image.BOX).getpixel((0, 0))
image = ImageOps.pad(image, SIZE, Image.BOX, mean)"#;

const LIGHT_FIGURE: &str = r#"# A light figure on a dark ground, as large and in the same place as in the training images.
image = Image.open("image.png").convert("RGB").resize(SIZE)"#;

const DARK_FIGURE: &str = r#"# A dark figure on a light ground, as large and in the same place as in the training images.
image = Image.open("image.png").convert("RGB").resize(SIZE)"#;

const PAGE: &str = r#"<iframe src="FILE" allow="camera" width="900" height="700"></iframe>"#;

const ONNX: &str = r#"# pip install onnxruntime numpy pillow
import numpy, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession("FILE")
FRAMED
[probabilities] = session.run(["probabilities"], {"image": numpy.asarray(image)[None]})"#;

const TFLITE: &str = r#"# pip install ai-edge-litert numpy pillow
import numpy
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

interpreter = Interpreter("FILE")
interpreter.allocate_tensors()
FRAMED
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numpy.asarray(image)[None])
interpreter.invoke()
output = interpreter.get_output_details()[0]
# In integers of 8 bits, probabilities have a scale.
probabilities = interpreter.get_tensor(output["index"])[0] * (output["quantization"][0] or 1)"#;

const TFJS: &str = r#"// In a p5.js sketch with ml5.js, once FILE is unpacked into the folder "model".
let classifier, image;

function preload() {
  classifier = ml5.imageClassifier("model/model.json");
  image = loadImage("image.png");
}

function setup() {
  classifier.classify(image, (results) => console.log(results));
}"#;

const SAFETENSORS: &str = r#"# In the folder that FILE is unpacked into; pip install torch safetensors pillow
import model
from PIL import Image

network = model.load()
print(model.classify(network, Image.open("image.png")))"#;

const MODULE: &str = r#"<!-- In the folder that FILE is unpacked into. -->
<script type="module" src="kindling-classifier.js"></script>
<kindling-classifier src="network.json"></kindling-classifier>"#;

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::ImageShape;

    #[test]
    fn a_snippet_names_the_file_and_the_size() {
        let shape = ImageShape { channels: 3, height: 19, width: 26 };
        let input = |style| NetworkInput { shape, classes: Vec::new(), style };
        for format in ExportTarget::ALL {
            for style in [DrawingStyle::Scene, DrawingStyle::Letterbox] {
                let code = snippet(format, "net.x", &input(style));
                let is_filled = ["FILE", "SIZE", "FRAMED"].iter().all(|word| !code.contains(word));
                assert!(code.contains("net.x") && is_filled, "{code}");
            }
        }
        assert!(
            snippet(ExportTarget::Float(ExportFormat::Onnx), "net.onnx", &input(DrawingStyle::Scene))
                .contains("fit(image, (26, 19)")
        );
        assert!(
            snippet(ExportTarget::Int8(Int8Format::Tflite), "a.tflite", &input(DrawingStyle::Letterbox))
                .contains("pad(image, (26, 19)")
        );
    }
}
