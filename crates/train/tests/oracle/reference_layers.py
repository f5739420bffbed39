"""Kindling's layers in PyTorch, under the same names: what tests/oracle/make_golden.py computes with."""

import torch
from torch import nn


class Rows(nn.Module):
    """An image as the sequence of its rows."""

    def forward(self, maps):
        return maps.transpose(1, 2).flatten(2)


class Recurrent:
    """The states after all items, or after the last. PyTorch's class comes second among the bases."""

    def __init__(self, features, units, states="last"):
        super().__init__(features, units, batch_first=True)
        self.states = states

    def forward(self, items):
        states, _ = super().forward(items)
        return states if self.states == "all" else states[:, -1]


class Lstm(Recurrent, nn.LSTM):
    pass


class Gru(Recurrent, nn.GRU):
    pass


class GlobalAveragePool(nn.Module):
    def forward(self, features):
        return features.mean((2, 3)) if features.dim() == 4 else features.mean(1)


class GlobalMaxPool(nn.Module):
    def forward(self, features):
        return features.amax((2, 3)) if features.dim() == 4 else features.amax(1)


class Residual(nn.Module):
    def __init__(self, *layers, shortcut=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = shortcut

    def forward(self, features):
        return self.layers(features) + (features if self.shortcut is None else self.shortcut(features))


class DepthwiseSeparable(nn.Module):
    def __init__(self, channels, filters, stride=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, filters, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
        )

    def forward(self, maps):
        return self.layers(maps)


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, ratio):
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // ratio)
        self.fc2 = nn.Linear(channels // ratio, channels)

    def forward(self, maps):
        weights = torch.sigmoid(self.fc2(torch.relu(self.fc1(maps.mean((2, 3))))))
        return maps * weights[:, :, None, None]


class PatchEmbedding(nn.Module):
    def __init__(self, channels, size, features):
        super().__init__()
        self.projection = nn.Conv2d(channels, features, size, size)

    def forward(self, maps):
        return self.projection(maps).flatten(2).transpose(1, 2)


class PositionEmbedding(nn.Module):
    def __init__(self, length, features):
        super().__init__()
        self.positions = nn.Parameter(0.02 * torch.randn(1, length, features))

    def forward(self, items):
        return items + self.positions


def transformer_block(features, heads, mlp_ratio):
    return nn.TransformerEncoderLayer(
        features, heads, mlp_ratio * features, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )


def presets(channels, side):
    """The layers with parameters of each preset's network, for square images and 10 classes, by the preset's name."""
    return {
        "one-minute": one_minute(channels, side),
        "lenet": lenet(channels, side),
        "batch-norm": nn.Sequential(
            *conv_norm_relu(channels, 24),
            *conv_norm_relu(24, 64),
            *conv_norm_relu(64, 128),
            *conv_norm_relu(128, 128),
            nn.Linear(128, 10),
        ),
        "mlp": nn.Sequential(nn.Linear(channels * side * side, 256), nn.Linear(256, 128), nn.Linear(128, 10)),
        "vgg": vgg(channels, side),
        "mobile": nn.Sequential(
            *conv_norm_relu(channels, 16),
            DepthwiseSeparable(16, 32),
            DepthwiseSeparable(32, 64, 2),
            DepthwiseSeparable(64, 64),
            DepthwiseSeparable(64, 128, 2),
            DepthwiseSeparable(128, 128),
            nn.Linear(128, 10),
        ),
        "resnet9": nn.Sequential(
            *conv_norm_relu(channels, 64),
            *conv_norm_relu(64, 128),
            Residual(*conv_norm_relu(128, 128), *conv_norm_relu(128, 128)),
            *conv_norm_relu(128, 256),
            *conv_norm_relu(256, 512),
            Residual(*conv_norm_relu(512, 512), *conv_norm_relu(512, 512)),
            nn.Linear(512, 10),
        ),
        "lstm-rows": nn.Sequential(Lstm(channels * side, 128), nn.Linear(128, 10)),
        "gru-rows": nn.Sequential(Gru(channels * side, 128), nn.Linear(128, 10)),
        "vit": nn.Sequential(
            PatchEmbedding(channels, 4, 64),
            PositionEmbedding((side // 4) ** 2, 64),
            *(transformer_block(64, 4, 2) for _ in range(4)),
            nn.LayerNorm(64),
            nn.Linear(64, 10),
        ),
    }


def lenet(channels, side):
    # Each of the two convolutions takes 4 off a side, each of the two pools halves it.
    side = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5),
        nn.Conv2d(6, 16, 5),
        nn.Linear(16 * side * side, 120),
        nn.Linear(120, 84),
        nn.Linear(84, 10),
    )


def one_minute(channels, side):
    for kernel, stride in [(5, 2), (3, 2), (3, 1)]:
        side = (side - kernel) // stride + 1
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5, 2, bias=False),
        nn.BatchNorm2d(16),
        nn.Conv2d(16, 32, 3, 2, bias=False),
        nn.BatchNorm2d(32),
        nn.Conv2d(32, 48, 3, bias=False),
        nn.BatchNorm2d(48),
        nn.Linear(48 * side * side, 10),
    )


def vgg(channels, side):
    layers = []
    for filters in (32, 64, 128):
        layers += [*conv_norm_relu(channels, filters), *conv_norm_relu(filters, filters)]
        channels, side = filters, side // 2
    return nn.Sequential(*layers, nn.Linear(channels * side * side, 256), nn.Linear(256, 10))


def conv_norm_relu(channels, filters):
    return nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()
