"""Layers with LoRA's factors, all of plain numbers that need no generator."""

import math

import torch
from torch.nn.utils import parametrize

from components.methods.lora import LowRank


def ramp(*shape):
    return (torch.arange(math.prod(shape), dtype=torch.float32) * 0.37).sin().reshape(shape)


def adapted(layer, rank, alpha):
    """The layer with factors of plain numbers, and the factors."""
    with torch.no_grad():
        layer.weight.copy_(ramp(*layer.weight.shape))
        layer.bias.copy_(ramp(*layer.bias.shape) * 0.1)
        added = LowRank(layer.weight, rank, alpha, torch.Generator())
        added.a.copy_(ramp(*added.a.shape) + 0.2)
        added.b.copy_(ramp(*added.b.shape) * 0.5 - 0.1)
    parametrize.register_parametrization(layer, "weight", added)
    return layer, added
