"""Trains Kindling's networks with jax, compiled by XLA for one core, and tells the time per step.

Reads a JSON object per line: `config` as `kindling.currentRun()` has it, `shape` of an image as [channels, height, width], `n_classes`,
`warm_up_s` and `window_s`. Answers each with a line: {"ms": …}, or {"unknown": …} for what it does not know. The first line names the version.

A step is forward pass, backward pass and update on one batch that stays in memory. Definitions are PyTorch's, as Kindling's are.
"""

import json
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):
    # One of the cores that this process may use; threads that jax starts later get the same.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Unknown(Exception):
    """Something of a config that is not written out here."""


def known(field, value, *values):
    if value not in values:
        raise Unknown(f"{field} {json.dumps(value)}")


def build(layers, shape, n_classes, rng):
    """The parameters of each layer, and the function from parameters and images [batch, height, width, channels] to logits."""
    channels, height, width = shape
    parameters, functions = [], []

    def add(function, *values):
        parameters.append([jnp.asarray(value, jnp.float32) for value in values])
        functions.append(function)

    def weight(fan_in, *dims):
        return rng.uniform(-1, 1, dims) / np.sqrt(fan_in)

    def linear(units, bias):
        n_inputs = channels * height * width
        add(lambda p, x: x @ p[0] + p[1], weight(n_inputs, n_inputs, units), weight(n_inputs, units))
        known("bias", bias, True)

    for layer in layers:
        (kind, values), = layer.items() if isinstance(layer, dict) else [(layer, {})]
        if kind == "conv":
            known("dilation", values.get("dilation", 1), 1)
            known("groups", values.get("groups", 1), 1)
            filters, kernel, stride = values["filters"], values["kernel"], values["stride"]
            side = kernel // 2 if values["padding"] == "same" else 0
            fan_in = channels * kernel * kernel
            has_bias = values["bias"]

            def conv(p, x, stride=stride, side=side, has_bias=has_bias):
                order = ("NHWC", "HWIO", "NHWC")
                y = lax.conv_general_dilated(x, p[0], (stride, stride), [(side, side)] * 2, dimension_numbers=order)
                return y + p[1] if has_bias else y

            kernels = weight(fan_in, kernel, kernel, channels, filters)
            add(conv, *([kernels, weight(fan_in, filters)] if has_bias else [kernels]))
            height, width = ((length + 2 * side - kernel) // stride + 1 for length in (height, width))
            channels = filters
        elif kind == "batchNorm":

            def norm(p, x):
                axes = tuple(range(x.ndim - 1))
                return (x - x.mean(axes)) * lax.rsqrt(x.var(axes) + 1e-5) * p[0] + p[1]

            add(norm, np.ones(channels), np.zeros(channels))
        elif kind == "activation":
            known("activation", values, "relu")
            add(lambda p, x: jax.nn.relu(x))
        elif kind == "maxPool":
            size, stride = values["size"], values["stride"]

            known("stride of pooling", stride, size)
            height, width = height // size, width // size

            # The gradient of `lax.reduce_window` takes XLA twice as long. Here, equal values share the gradient, which costs the same.
            def pool(p, x, size=size, height=height, width=width):
                x = x[:, : height * size, : width * size]
                return x.reshape(x.shape[0], height, size, width, size, -1).max((2, 4))

            add(pool)
        elif kind == "globalAveragePool":
            add(lambda p, x: x.mean((1, 2)))
            height = width = 1
        elif kind == "flatten":
            add(lambda p, x: x.reshape(x.shape[0], -1))
        elif kind == "linear":
            linear(values["units"], values["bias"])
            channels, height, width = values["units"], 1, 1
        elif kind == "classifier":
            linear(n_classes, values["bias"])
        else:
            raise Unknown(f"layer {kind}")

    def forward(parameters, images):
        values = images
        for p, function in zip(parameters, functions):
            values = function(p, values)
        return values

    return parameters, forward


def optimizer(config):
    """The initial state for parameters, and the update of parameters by their gradients."""
    rate = config["learningRate"]
    known("weight decay", config["weightDecay"], 0)
    (kind, values), = config["optimizer"].items()
    zeros = lambda parameters: jax.tree.map(jnp.zeros_like, parameters)
    if kind == "sgd":
        known("nesterov", values["nesterov"], False)

        def update(parameters, gradients, momenta):
            momenta = jax.tree.map(lambda m, g: values["momentum"] * m + g, momenta, gradients)
            return jax.tree.map(lambda p, m: p - rate * m, parameters, momenta), momenta

        return zeros, update
    if kind in ("adam", "adamW"):
        beta1, beta2, epsilon = values["beta1"], values["beta2"], values["epsilon"]

        def update(parameters, gradients, state):
            step, first, second = state
            step = step + 1
            first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradients)
            second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradients)
            scale1, scale2 = 1 / (1 - beta1**step), 1 / (1 - beta2**step)
            move = lambda p, m, v: p - rate * m * scale1 / (jnp.sqrt(v * scale2) + epsilon)
            return jax.tree.map(move, parameters, first, second), (step, first, second)

        return lambda parameters: (jnp.float32(0), zeros(parameters), zeros(parameters)), update
    raise Unknown(f"optimizer {kind}")


class Training:
    def __init__(self, config, shape, n_classes):
        known("augmentation", [name for name, strength in config["augment"].items() if strength], [])
        known("clipping", config.get("clipNorm"), None)
        known("average of the weights", config.get("emaDecay"), None)
        known("batches per update", config.get("batchesPerUpdate", 1), 1)
        known("attacks", config.get("adversarial"), None)
        known("loss", config["loss"], {"crossEntropy": {"labelSmoothing": 0, "classWeights": "none"}})
        rng = np.random.default_rng(0)
        channels, height, width = shape
        batch = config["batchSize"]
        images = jnp.asarray(rng.normal(size=(batch, height, width, channels)), jnp.float32)
        labels = jnp.asarray(rng.integers(0, n_classes, batch))
        self.parameters, forward = build(config["network"]["layers"], shape, n_classes, rng)
        start, update = optimizer(config)
        self.state = start(self.parameters)

        def loss_of(parameters):
            scores = jax.nn.log_softmax(forward(parameters, images))
            return -jnp.take_along_axis(scores, labels[:, None], 1).mean()

        def step(parameters, state):
            loss, gradients = jax.value_and_grad(loss_of)(parameters)
            return *update(parameters, gradients, state), loss

        self.step = jax.jit(step, donate_argnums=(0, 1))

    def train_for(self, seconds):
        """Milliseconds per step."""
        start, n_steps = time.perf_counter(), 0
        while True:
            self.parameters, self.state, loss = self.step(self.parameters, self.state)
            n_steps += 1
            # Steps are only queued; the wait is for the loss of the last.
            loss.block_until_ready()
            taken = time.perf_counter() - start
            if taken >= seconds:
                return taken * 1e3 / n_steps


def main():
    print(json.dumps({"version": jax.__version__}), flush=True)
    trainings = {}
    for line in sys.stdin:
        task = json.loads(line)
        what = [task["config"], task["shape"], task["n_classes"]]
        try:
            training = trainings.setdefault(json.dumps(what), None) or Training(*what)
            trainings[json.dumps(what)] = training
            training.train_for(task["warm_up_s"])
            answer = {"ms": training.train_for(task["window_s"])}
        except Unknown as unknown:
            answer = {"unknown": str(unknown)}
        print(json.dumps(answer), flush=True)


main()
