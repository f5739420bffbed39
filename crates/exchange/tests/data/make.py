"""Writes residual.onnx, a small residual network as PyTorch's exporter writes one, and what onnxruntime computes for some images.

    python make.py
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(18)
nodes, constants = [], []


def constant(name, values):
    constants.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def node(op, inputs, name, **attributes):
    output = f"{name}_output_0"
    nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
    return output


def conv(x, name, channels, filters, kernel, stride=1, padding=0, bias=True):
    bound = (3 / (channels * kernel * kernel)) ** 0.5
    shape = (filters, channels, kernel, kernel)
    inputs = [x, constant(f"{name}.weight", random.uniform(-bound, bound, shape).astype(np.float32))]
    if bias:
        inputs.append(constant(f"{name}.bias", random.uniform(-0.3, 0.3, filters).astype(np.float32)))
    return node(
        "Conv", inputs, f"/{name}/Conv", dilations=[1, 1], group=1, kernel_shape=[kernel] * 2, pads=[padding] * 4, strides=[stride] * 2
    )


def batch_norm(x, name, channels):
    parts = [("weight", 0.5, 1.5), ("bias", -0.3, 0.3), ("running_mean", -0.3, 0.3), ("running_var", 0.5, 1.5)]
    inputs = [constant(f"{name}.{part}", random.uniform(low, high, channels).astype(np.float32)) for part, low, high in parts]
    return node("BatchNormalization", [x, *inputs], f"/{name}/BatchNormalization", epsilon=1e-5, momentum=0.9)


x = conv("input.1", "stem", 1, 8, 5, padding=2)
x = node("Relu", [x], "/relu/Relu")
x = node("MaxPool", [x], "/pool/MaxPool", ceil_mode=0, dilations=[1, 1], kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2])
inner = node("Relu", [batch_norm(conv(x, "block1.conv1", 8, 8, 3, padding=1, bias=False), "block1.bn1", 8)], "/block1/relu/Relu")
inner = batch_norm(conv(inner, "block1.conv2", 8, 8, 3, padding=1, bias=False), "block1.bn2", 8)
x = node("Relu", [node("Add", [inner, x], "/block1/Add")], "/block1/relu_1/Relu")
inner = node("Relu", [batch_norm(conv(x, "block2.conv1", 8, 16, 3, 2, 1, False), "block2.bn1", 16)], "/block2/relu/Relu")
inner = batch_norm(conv(inner, "block2.conv2", 16, 16, 3, padding=1, bias=False), "block2.bn2", 16)
shortcut = batch_norm(conv(x, "block2.downsample.0", 8, 16, 1, 2, 0, False), "block2.downsample.1", 16)
x = node("Relu", [node("Add", [inner, shortcut], "/block2/Add")], "/block2/relu_1/Relu")
x = node("GlobalAveragePool", [x], "/pool_1/GlobalAveragePool")
x = node("Flatten", [x], "/Flatten", axis=1)
weight = constant("fc.weight", random.uniform(-0.6, 0.6, (10, 16)).astype(np.float32))
bias = constant("fc.bias", random.uniform(-0.3, 0.3, 10).astype(np.float32))
nodes.append(helper.make_node("Gemm", [x, weight, bias], ["output"], name="/fc/Gemm", alpha=1.0, beta=1.0, transB=1))

graph = helper.make_graph(
    nodes,
    "main_graph",
    [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["batch", 1, 28, 28])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 10])],
    constants,
)
model = helper.make_model(graph, producer_name="pytorch", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, "residual.onnx")

images = random.integers(0, 256, (4, 784), dtype=np.uint8)
images[1] = np.arange(784) // 4
session = onnxruntime.InferenceSession("residual.onnx")
# As torchvision's ToTensor and Normalize((0.1307,), (0.3081,)) prepare images of MNIST.
inputs = (images.reshape(-1, 1, 28, 28).astype(np.float32) / 255 - 0.1307) / 0.3081
[logits] = session.run(None, {"input.1": inputs.astype(np.float32)})
exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
with open("residual.json", "w") as file:
    json.dump({"images": images.tolist(), "probabilities": [[round(float(p), 7) for p in row] for row in probabilities]}, file, separators=(",", ":"))
