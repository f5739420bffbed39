"""Runs exported networks in onnxruntime or LiteRT and prints the largest difference of each from Kindling's probabilities, as JSON."""

import base64
import json
import sys
import warnings
import zipfile
from pathlib import Path

warnings.filterwarnings("ignore")


def images_of(folder):
    """The images of a network's check as numpy bytes [images, channels, height, width], and their probabilities."""
    import numpy as np

    check = json.loads((folder / "check.json").read_text())
    shape = json.loads((folder / "shape.json").read_text())
    images = [np.frombuffer(base64.b64decode(image), np.uint8) for image in check["images"]]
    images = np.stack(images).reshape(-1, shape["channels"], shape["height"], shape["width"])
    return images, np.array(check["probabilities"])


def onnx(folder):
    import numpy as np
    import onnx
    import onnxruntime

    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    labels = json.loads(next(entry.value for entry in model.metadata_props if entry.key == "labels"))
    images, expected = images_of(folder)
    assert len(labels) == expected.shape[1]
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    pixels = np.ascontiguousarray(np.broadcast_to(images, (len(images), 3, *images.shape[2:])).transpose(0, 2, 3, 1))
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"image": pixels})))
    # A single image gives what it gives in a batch.
    alone = session.run(["probabilities"], {"image": pixels[:1]})[0]
    assert np.abs(alone - outputs["probabilities"][:1]).max() < 1e-5
    if "class_activation_map" in names:
        # Its mean over all places, and the bias, are the logits.
        rest = outputs["logits"] - outputs["class_activation_map"].mean((2, 3))
        assert np.abs(rest - rest[0]).max() < 1e-3, rest
    return np.abs(outputs["probabilities"] - expected).max()


def safetensors(folder):
    """The largest difference of a weight; the code beside the weights is only compiled, as it needs PyTorch to run."""
    import numpy as np
    from safetensors import safe_open

    with zipfile.ZipFile(folder / "model.zip") as archive:
        archive.extractall(folder)
    compile((folder / "model.py").read_text(encoding="utf-8"), "model.py", "exec")
    shapes = json.loads((folder / "shapes.json").read_text())
    values = np.fromfile(folder / "values.bin", "<f4")
    with safe_open(folder / "model.safetensors", "numpy") as weights:
        assert weights.metadata() == {"format": "pt"}
        assert set(weights.keys()) == set(shapes)
        found = [weights.get_tensor(name) for name in sorted(shapes)]
        assert [list(tensor.shape) for tensor in found] == [shapes[name] for name in sorted(shapes)]
        return np.abs(np.concatenate([tensor.ravel() for tensor in found]) - values).max()


def real(interpreter, details):
    """A tensor as floats; integers stand for scale * (integer - zero point)."""
    value = interpreter.get_tensor(details["index"])[0].astype(float)
    scale, zero = details["quantization"]
    return value if scale == 0 else scale * (value - zero)


def tflite(folder, tolerance=1e-4):
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    images, expected = images_of(folder)
    interpreter = Interpreter(str(folder / "model.tflite"))
    interpreter.allocate_tensors()
    [image], [probabilities, logits] = interpreter.get_input_details(), interpreter.get_output_details()
    pixels = np.broadcast_to(images, (len(images), 3, *images.shape[2:])).transpose(0, 2, 3, 1)
    largest = 0.0
    for place, expected_row in enumerate(expected):
        interpreter.set_tensor(image["index"], np.ascontiguousarray(pixels[place : place + 1]))
        interpreter.invoke()
        found = real(interpreter, probabilities)
        powers = np.exp(real(interpreter, logits))
        assert np.abs(powers / powers.sum() - found).max() < tolerance
        largest = max(largest, np.abs(found - expected_row).max())
    return largest


def tflite_int8(folder):
    """Probabilities are in steps of 1/256."""
    return tflite(folder, tolerance=1.5 / 256)


judges = {"onnx": onnx, "onnx-int8": onnx, "safetensors": safetensors, "tflite": tflite, "tflite-int8": tflite_int8}
judge = judges[sys.argv[1]]
folders = sorted(Path(sys.argv[2]).iterdir())
print(json.dumps({folder.name: float(judge(folder)) for folder in folders}))
