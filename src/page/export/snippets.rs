//! How a program uses an exported file: a few lines for each format, to copy.

use kindling_core::protocol::{ExportFormat, ImageShape};

/// The lines for a file of this name, and for a network with this input.
pub fn snippet(format: ExportFormat, name: &str, shape: ImageShape) -> String {
    let snippet = match format {
        ExportFormat::Page => PAGE,
        ExportFormat::Onnx => ONNX,
        ExportFormat::Tflite => TFLITE,
        ExportFormat::Tfjs => TFJS,
        ExportFormat::Safetensors => SAFETENSORS,
        ExportFormat::Module => MODULE,
    };
    let size = format!("({}, {})", shape.width, shape.height);
    snippet.replace("SIZE", &size).replace("FILE", name)
}

const PAGE: &str = r#"<iframe src="FILE" allow="camera" width="900" height="700"></iframe>"#;

const ONNX: &str = r#"# pip install onnxruntime numpy pillow
import numpy, onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("FILE")
image = Image.open("image.png").convert("RGB").resize(SIZE)
[probabilities] = session.run(["probabilities"], {"image": numpy.asarray(image)[None]})"#;

const TFLITE: &str = r#"# pip install ai-edge-litert numpy pillow
import numpy
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

interpreter = Interpreter("FILE")
interpreter.allocate_tensors()
image = Image.open("image.png").convert("RGB").resize(SIZE)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numpy.asarray(image)[None])
interpreter.invoke()
probabilities = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]"#;

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

    #[test]
    fn a_snippet_names_the_file_and_the_size() {
        let shape = ImageShape { channels: 3, height: 19, width: 26 };
        for format in ExportFormat::ALL {
            let code = snippet(format, "net.x", shape);
            assert!(code.contains("net.x") && !code.contains("FILE") && !code.contains("SIZE"), "{code}");
        }
        assert!(snippet(ExportFormat::Onnx, "net.onnx", shape).contains("resize((26, 19))"));
    }
}
