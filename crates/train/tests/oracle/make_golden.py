#!/usr/bin/env python3
"""Computes the golden values of tests/oracle.rs with PyTorch, and writes them beside itself as safetensors.

    python3 tests/oracle/make_golden.py

Made with PyTorch 1.13.1 on the CPU. Everything is seeded; another version of PyTorch may differ in the last digits.
Long tensors are thinned to every 17th value, weights and inputs excepted. Prints how many parameters each preset has, for
src/network/presets/tests.rs.
"""

import json
import pathlib
import struct

import numpy
import torch
from torch import nn

from reference_layers import (
    DepthwiseSeparable,
    GlobalAveragePool,
    GlobalMaxPool,
    Gru,
    Lstm,
    PatchEmbedding,
    PositionEmbedding,
    Residual,
    Rows,
    SqueezeExcitation,
    presets,
    transformer_block,
)

HERE = pathlib.Path(__file__).parent
LONG = 2000
STRIDE = 17
TYPES = {"float32": "F32", "float64": "F64", "uint8": "U8", "int64": "I64"}


def main():
    torch.manual_seed(20)
    torch.set_num_threads(1)
    save("lenet.safetensors", lenet_values())
    save("batch_norm.safetensors", batch_norm_values())
    torch.manual_seed(21)
    save("losses.safetensors", loss_values())
    save("optimizers.safetensors", optimizer_values())
    save("schedules.safetensors", schedule_values())
    torch.manual_seed(21)
    save("layers.safetensors", layer_values())
    torch.manual_seed(20)
    save("adversarial.safetensors", adversarial_values())
    for channels, side in [(1, 28), (3, 32)]:
        counts = {name: n_parameters(network) for name, network in presets(channels, side).items()}
        print(f"{channels}x{side}x{side}: {counts}")


def lenet_values():
    """Forward, loss, gradients, and three steps of each optimizer on one batch."""
    images, labels = random_batch(8, (3, 32, 32), 10)
    network = lenet()
    start = snapshot(network)
    values = {"images": images, "labels": labels}
    values.update({f"start/{name}": tensor for name, tensor in start.items()})

    logits = network(scaled(images))
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    values.update({"logits": logits, "loss": loss.reshape(1)})
    values.update({f"gradient/{name}": thinned(tensor.grad) for name, tensor in network.named_parameters()})

    optimizers = {
        "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        # PyTorch's SGD couples its decay, ours does not; so the decay is written out in `three_steps`.
        "sgd_decay": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
        "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.003),
        "adam_decay": lambda parameters: torch.optim.AdamW(parameters, lr=0.003, weight_decay=0.1),
    }
    for name, make in optimizers.items():
        network.load_state_dict(start)
        decay = 0.1 if name == "sgd_decay" else 0.0
        losses = three_steps(network, make(network.parameters()), images, labels, rate_times_decay=0.05 * decay)
        values[f"{name}/losses"] = torch.tensor(losses)
        values.update({f"{name}/{key}": thinned(tensor) for key, tensor in network.state_dict().items()})
    return values


def three_steps(network, optimizer, images, labels, rate_times_decay):
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(scaled(images)), labels)
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.0 - rate_times_decay)
        optimizer.step()
        losses.append(loss.item())
    return losses


def batch_norm_values():
    """Odd shapes, a stride, an even kernel, overlapping pools; two training batches, then evaluation.

    No biases before the norms: their gradients are zero but for rounding.
    """
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 5, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(5, 3),
    )
    with torch.no_grad():
        for index in (1, 5):
            network[index].weight.uniform_(0.5, 1.5)
            network[index].bias.uniform_(-0.5, 0.5)
    values = {f"start/{name}": tensor for name, tensor in snapshot(network).items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for number in (1, 2):
        images, labels = random_batch(6, (3, 11, 9), 3)
        optimizer.zero_grad()
        logits = network(scaled(images))
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        values.update({f"images{number}": images, f"labels{number}": labels, f"loss{number}": loss.reshape(1)})
        values[f"logits{number}"] = logits
        if number == 1:
            values.update({f"gradient/{name}": tensor.grad.clone() for name, tensor in network.named_parameters()})
        optimizer.step()
    values.update({f"end/{name}": tensor for name, tensor in snapshot(network).items()})
    network.eval()
    values["evaluated"] = network(scaled(images))
    return values


def loss_values():
    """Value and gradient of each loss; some logits are so large that a careless formula overflows."""
    many, two = torch.randn(6, 4) * 2.0, torch.randn(6, 2) * 3.0
    two[0], two[1] = torch.tensor([60.0, -60.0]), torch.tensor([-50.0, 50.0])
    labels, binary_labels = torch.tensor([0, 3, 1, 1, 2, 0]), torch.tensor([0, 0, 1, 0, 1, 1])
    weights = torch.tensor([0.5, 2.0, 1.0, 3.0])
    one_hot = nn.functional.one_hot(labels, 4).float()
    cross_entropy = nn.functional.cross_entropy
    losses = {
        "cross_entropy": (many, lambda x: cross_entropy(x, labels)),
        "smoothed": (many, lambda x: cross_entropy(x, labels, label_smoothing=0.1)),
        "weighted": (many, lambda x: cross_entropy(x, labels, weight=weights)),
        "both": (many, lambda x: cross_entropy(x, labels, weight=weights, label_smoothing=0.2)),
        "squared": (many, lambda x: nn.functional.mse_loss(x.softmax(1), one_hot)),
        "binary": (
            two,
            lambda x: nn.functional.binary_cross_entropy_with_logits(x[:, 1] - x[:, 0], binary_labels.float()),
        ),
    }
    values = {"many": many, "two": two, "labels": labels, "binary_labels": binary_labels, "weights": weights}
    for name, (logits, compute) in losses.items():
        logits = logits.clone().requires_grad_()
        loss = compute(logits)
        loss.backward()
        values.update({f"{name}/loss": loss.reshape(1), f"{name}/gradient": logits.grad})
    return values


def optimizer_values():
    """Three steps of each optimizer on one batch; one weight is wide, one tall, one a convolution's."""
    images, labels = random_batch(8, (2, 6, 6), 3)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64, 6),
        nn.ReLU(),
        nn.Linear(6, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )
    start = snapshot(network)
    values = {"images": images, "labels": labels}
    values.update({f"start/{name}": tensor for name, tensor in start.items()})
    optim = torch.optim
    optimizers = {
        "nesterov": lambda it: optim.SGD(it, lr=0.05, momentum=0.9, nesterov=True),
        "sgd_l2": lambda it: optim.SGD(it, lr=0.05, momentum=0.9, weight_decay=0.1),
        "adam_l2": lambda it: optim.Adam(it, lr=0.01, weight_decay=0.1),
        "adam_w": lambda it: optim.AdamW(it, lr=0.01, weight_decay=0.1),
        "rms_prop": lambda it: optim.RMSprop(it, lr=0.01),
        "rms_prop_centered": lambda it: optim.RMSprop(it, lr=0.01, momentum=0.9, centered=True),
        "adagrad": lambda it: optim.Adagrad(it, lr=0.01),
        "lion": lambda it: Lion(it, lr=0.003, weight_decay=0.1),
        "muon": lambda it: Muon(it, lr=0.02, weight_decay=0.1),
        "clipped": lambda it: optim.SGD(it, lr=0.5, momentum=0.9),
        "averaged": lambda it: optim.SGD(it, lr=0.5),
    }
    for name, make in optimizers.items():
        network.load_state_dict(start)
        optimizer = make(network.parameters())
        average = {key: tensor.clone() for key, tensor in start.items()}
        for update in range(1, 4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(scaled(images)), labels).backward()
            if name == "clipped":
                norm = nn.utils.clip_grad_norm_(network.parameters(), 0.1)
                assert norm > 0.2, "the clipping must show"
            optimizer.step()
            kept = min(0.5, (1 + update) / (10 + update))
            for key, tensor in network.state_dict().items():
                average[key].mul_(kept).add_(tensor, alpha=1 - kept)
        end = average if name == "averaged" else network.state_dict()
        values.update({f"{name}/{key}": tensor.clone() for key, tensor in end.items()})
    return values


class Decoupled(torch.optim.Optimizer):
    """An optimizer that PyTorch 1.13 lacks, with decoupled decay."""

    def __init__(self, parameters, lr, weight_decay):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})


class Lion(Decoupled):
    """Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, algorithm 2, in NumPy."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                theta, g = parameter.numpy(), parameter.grad.numpy()
                m = self.state[parameter].get("m", numpy.zeros_like(g))
                update = numpy.sign(0.9 * m + 0.1 * g)
                theta -= group["lr"] * (update + group["weight_decay"] * theta)
                self.state[parameter]["m"] = 0.99 * m + 0.01 * g


class Muon(Decoupled):
    """Keller Jordan's, kellerjordan.github.io/posts/muon, in NumPy and f32; AdamW at 0.015 of the rate for what is no matrix."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                theta, g = parameter.numpy(), parameter.grad.numpy()
                state = self.state[parameter]
                state["step"] = state.get("step", 0) + 1
                m = state.get("m", numpy.zeros_like(g))
                if g.ndim < 2:
                    state["m"] = m = 0.9 * m + 0.1 * g
                    state["v"] = v = 0.95 * state.get("v", numpy.zeros_like(g)) + 0.05 * g * g
                    m, v = m / (1 - 0.9 ** state["step"]), v / (1 - 0.95 ** state["step"])
                    rate, update = 0.015 * group["lr"], m / (numpy.sqrt(v) + 1e-10)
                else:
                    state["m"] = m = 0.95 * m + 0.05 * g
                    matrix = (0.05 * g + 0.95 * m).reshape(len(g), -1)
                    scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                    rate, update = group["lr"], (scale * orthogonal(matrix)).reshape(g.shape)
                theta *= 1 - rate * group["weight_decay"]
                theta -= rate * update


def orthogonal(matrix):
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T).T
    x = matrix / (numpy.linalg.norm(matrix) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def schedule_values():
    """The rate of every step, at ten steps an epoch, from a base of 0.1."""
    schedulers = torch.optim.lr_scheduler

    def rates(make, n_rates):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = make(optimizer)
        found = []
        for _ in range(n_rates):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return torch.tensor(found, dtype=torch.float64)

    def warm_cosine(optimizer):
        rise = schedulers.LinearLR(optimizer, start_factor=1 / 9, total_iters=8)
        fall = schedulers.CosineAnnealingLR(optimizer, T_max=40 - 8, eta_min=0.01)
        return schedulers.SequentialLR(optimizer, [rise, fall], milestones=[8])

    values = {
        "step": rates(lambda it: schedulers.StepLR(it, step_size=2, gamma=0.3), 6),
        "exponential": rates(lambda it: schedulers.ExponentialLR(it, gamma=0.8), 6),
        "cosine": rates(lambda it: schedulers.CosineAnnealingLR(it, T_max=40), 40),
        "warm_cosine": rates(warm_cosine, 40),
        "one_cycle": rates(lambda it: schedulers.OneCycleLR(it, max_lr=0.1, total_steps=40), 40),
        "one_cycle_other": rates(
            lambda it: schedulers.OneCycleLR(
                it, max_lr=0.1, total_steps=37, pct_start=0.45, div_factor=10.0, final_div_factor=100.0
            ),
            37,
        ),
    }
    losses = [1.0, 0.9, 0.89, 0.889, 0.95, 0.9, 0.9, 0.8, 0.85, 0.8, 0.8, 0.79, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    plateau = schedulers.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=1, threshold=0.01, cooldown=2, min_lr=0.002
    )
    after = []
    for loss in losses:
        plateau.step(loss)
        after.append(optimizer.param_groups[0]["lr"])
    values["plateau_losses"] = torch.tensor(losses, dtype=torch.float64)
    values["plateau"] = torch.tensor(after, dtype=torch.float64)
    return values
def layer_values():
    """Logits, loss and gradients of a small network for each kind of layer, on one batch; each case begins with weights of its own."""
    images, labels = random_batch(5, (3, 10, 9), 3)
    values = {"images": images, "labels": labels}
    for name, network in layer_cases().items():
        with torch.no_grad():
            # Norms that start as the identity would hide a swapped scale and shift.
            for key, parameter in network.named_parameters():
                if parameter.dim() == 1 and key.endswith("weight"):
                    parameter.uniform_(0.5, 1.5)
                elif parameter.dim() == 1:
                    parameter.uniform_(-0.5, 0.5)
        values.update({f"{name}/start/{key}": tensor for key, tensor in snapshot(network).items()})
        logits = network(scaled(images))
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        values.update({f"{name}/logits": logits, f"{name}/loss": loss.reshape(1)})
        values.update({f"{name}/gradient/{key}": thinned(tensor.grad) for key, tensor in network.named_parameters()})
    return values


def layer_cases():
    activations = {
        "relu": nn.ReLU(),
        "leakyRelu": nn.LeakyReLU(),
        "gelu": nn.GELU(),
        "silu": nn.SiLU(),
        "tanh": nn.Tanh(),
        "sigmoid": nn.Sigmoid(),
    }
    after_conv = lambda *layers: nn.Sequential(nn.Conv2d(3, 4, 3, 2), *layers)
    cases = {name: after_conv(layer, nn.Flatten(), nn.Linear(64, 3)) for name, layer in activations.items()}
    cases["group_norm"] = after_conv(nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(64, 3))
    # On maps Kindling's layer norm is a group norm with one group.
    cases["layer_norm"] = nn.Sequential(
        nn.GroupNorm(1, 3), Rows(), nn.LayerNorm(27), nn.Linear(27, 5), nn.Flatten(), nn.LayerNorm(50), nn.Linear(50, 3)
    )
    cases["batch_norm_1d"] = nn.Sequential(nn.Flatten(), nn.Linear(270, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))
    cases["conv"] = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=2, dilation=2),
        nn.Conv2d(8, 12, 3, stride=2, groups=4, bias=False),
        nn.Conv2d(12, 12, 3, padding=1, groups=12),
        nn.Conv2d(12, 12, 2, dilation=3, groups=12, bias=False),
        nn.Flatten(),
        nn.Linear(12, 3),
    )
    cases["pools"] = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.AvgPool2d(3, 2), GlobalMaxPool(), nn.Linear(6, 3))
    cases["squeeze_excitation"] = nn.Sequential(
        nn.Conv2d(3, 6, 3), SqueezeExcitation(6, 2), GlobalAveragePool(), nn.Linear(6, 3)
    )
    cases["residual"] = nn.Sequential(
        Residual(
            nn.Conv2d(3, 4, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1),
            shortcut=nn.Conv2d(3, 4, 1, 2, bias=False),
        ),
        Residual(Residual(nn.Conv2d(4, 4, 3, padding=1)), nn.Tanh()),
        nn.Flatten(),
        Residual(nn.Linear(100, 6), nn.GELU(), shortcut=nn.Linear(100, 6, bias=False)),
        nn.Linear(6, 3),
    )
    cases["depthwise_separable"] = nn.Sequential(DepthwiseSeparable(3, 6, 2), GlobalAveragePool(), nn.Linear(6, 3))
    cases["lstm"] = nn.Sequential(Rows(), Lstm(27, 6, "all"), Lstm(6, 5), nn.Linear(5, 3))
    cases["gru"] = nn.Sequential(Rows(), Gru(27, 6, "all"), Gru(6, 5), nn.Linear(5, 3))
    cases["transformer"] = nn.Sequential(
        PatchEmbedding(3, 3, 8),
        PositionEmbedding(9, 8),
        transformer_block(8, 2, 2),
        Residual(nn.Linear(8, 6), shortcut=nn.Linear(8, 6, bias=False)),
        GlobalAveragePool(),
        nn.Linear(6, 3),
    )
    return cases


def adversarial_values():
    """FGSM (Goodfellow et al., 2015) and PGD from a given start (Madry et al., 2018) against LeNet, on images scaled to [-1, 1].

    Images and weights are those of lenet_values: the seed is the same. Strengths are shares of the way from black to white, which
    is 2.
    """
    images, labels = random_batch(8, (3, 32, 32), 10)
    network = lenet()
    clean = scaled(images)
    values = {}

    def gradient(attacked):
        attacked = attacked.clone().requires_grad_()
        nn.functional.cross_entropy(network(attacked), labels).backward()
        return attacked.grad

    values["gradient"] = thinned(gradient(clean))
    values["fgsm"] = thinned((clean + 2 * 0.1 * gradient(clean).sign()).clamp(-1, 1))
    offsets = (2 * torch.rand(clean.shape) - 1) * 2 * 0.1
    attacked = (clean + offsets).clamp(-1, 1)
    values["offsets"] = offsets
    for step in (1, 2, 3, 4, 5):
        attacked = attacked + 2 * 0.04 * gradient(attacked).sign()
        attacked = torch.max(torch.min(attacked, clean + 2 * 0.1), clean - 2 * 0.1).clamp(-1, 1)
        if step in (1, 5):
            values[f"pgd{step}"] = thinned(attacked)
    return values


def n_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def lenet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def random_batch(n_images, shape, n_classes):
    images = torch.randint(0, 256, (n_images, *shape), dtype=torch.uint8)
    return images, torch.randint(0, n_classes, (n_images,))


def scaled(images):
    return images.float() / 127.5 - 1.0


def snapshot(network):
    """The weights as they are now; the count of batches is PyTorch's own affair."""
    state = network.state_dict()
    return {name: tensor.clone() for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def thinned(tensor):
    flat = tensor.detach().flatten()
    return (flat[::STRIDE] if len(flat) > LONG else flat).clone()


def save(name, values):
    """The safetensors format: the header's length, the header as JSON, the tensors one after another."""
    header, chunks, offset = {}, [], 0
    for key, tensor in values.items():
        array = numpy.ascontiguousarray(tensor.detach().numpy())
        chunk = array.tobytes()
        header[key] = {
            "dtype": TYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(chunk)],
        }
        chunks.append(chunk)
        offset += len(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / name).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))
    print(f"{name}: {len(values)} tensors, {offset} bytes")


if __name__ == "__main__":
    main()
