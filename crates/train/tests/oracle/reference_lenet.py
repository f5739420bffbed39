#!/usr/bin/env python3
"""The recipe "LeNet (PyTorch tutorial)" in PyTorch: what Kindling's own preset is compared with.

    python3 tests/oracle/reference_lenet.py DATA [--seeds 3] [--epochs 5] [--write-binary FOLDER]

DATA is a folder with CIFAR-10's binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin), or a tar.gz of images named
train/<class>/* and test/<class>/*. All 50,000 train images are trained on, the 10,000 test images are held out. Prints a line per
epoch and seed. `--write-binary` writes DATA as CIFAR binaries into FOLDER and ends; `kindling train` reads them.
"""

import argparse
import io
import pathlib
import tarfile
import time

import numpy
import torch
from torch import nn

from make_golden import lenet, scaled

BATCH = 4


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--write-binary", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train, test = load(arguments.data)
    if arguments.write_binary:
        write_binary(arguments.write_binary, train, test)
        return
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        run(seed, arguments.epochs, train, test)


def run(seed, epochs, train, test):
    torch.manual_seed(seed)
    network = lenet()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    images, labels = scaled(torch.from_numpy(train[0])), torch.from_numpy(train[1])
    for epoch in range(epochs):
        started = time.time()
        loss_sum = 0.0
        order = torch.randperm(len(labels))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
        train_loss = loss_sum / (len(order) // BATCH)
        loss, accuracy = evaluate(network, test)
        print(
            f"seed {seed} epoch {epoch + 1}: train loss {train_loss:.4f}, "
            f"held-out loss {loss:.4f}, accuracy {100 * accuracy:.2f}%, {time.time() - started:.0f} s",
            flush=True,
        )


def evaluate(network, test):
    images, labels = scaled(torch.from_numpy(test[0])), torch.from_numpy(test[1])
    with torch.no_grad():
        logits = torch.cat([network(part) for part in images.split(500)])
    return nn.functional.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def load(path):
    """Train and test as (uint8 images [n, 3, 32, 32], int64 labels)."""
    if path.is_dir():
        batches = [path / f"data_batch_{number}.bin" for number in range(1, 6)]
        return read_binary(batches), read_binary([path / "test_batch.bin"])
    return read_images(path)


def read_binary(paths):
    rows = numpy.concatenate([numpy.fromfile(path, numpy.uint8).reshape(-1, 3073) for path in paths])
    return rows[:, 1:].reshape(-1, 3, 32, 32).copy(), rows[:, 0].astype(numpy.int64)


def read_images(path):
    from PIL import Image

    parts = {"train": [], "test": []}
    with tarfile.open(path) as archive:
        for member in archive:
            names = pathlib.PurePosixPath(member.name).parts
            if member.isfile() and len(names) >= 3 and names[-3] in parts:
                image = Image.open(io.BytesIO(archive.extractfile(member).read())).convert("RGB")
                parts[names[-3]].append((names[-2], names[-1], numpy.asarray(image).transpose(2, 0, 1)))
    classes = sorted({name for name, _, _ in parts["train"]})
    loaded = []
    for part in ("train", "test"):
        rows = sorted(parts[part], key=lambda row: row[:2])
        labels = numpy.array([classes.index(name) for name, _, _ in rows], numpy.int64)
        loaded.append((numpy.stack([image for _, _, image in rows]), labels))
    return loaded


def write_binary(folder, train, test):
    folder.mkdir(parents=True, exist_ok=True)
    # The official batches are mixed; the parts here are equal mixtures of all classes.
    for number in range(5):
        write_batch(folder / f"data_batch_{number + 1}.bin", train[0][number::5], train[1][number::5])
    write_batch(folder / "test_batch.bin", *test)


def write_batch(path, images, labels):
    rows = numpy.concatenate([labels.astype(numpy.uint8)[:, None], images.reshape(len(labels), -1)], axis=1)
    rows.tofile(path)
    print(f"{path}: {len(labels)} images")


if __name__ == "__main__":
    main()
