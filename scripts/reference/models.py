#!/usr/bin/env python3
"""Trains Rondo's ready-made models in PyTorch and stores the losses that the tests compare with.

usage: scripts/reference/models.py [MODEL]...      all models, or those named; --list names them

    "$(scripts/reference/setup | tail -1)" scripts/reference/models.py

Each model takes 20 steps on one batch, in double precision. Weights and data come from a generator that
the Swift tests have too (`values` below, Tests/NeuralNetworkTests/Generator.swift there), so only losses
are stored: References/MODEL.json beside it, with the optimizer, the names and shapes of the parameters,
and the command.

Learning rates are small enough that rounding does not grow over the steps: parameters that are moved at
random by up to 6e-8 of them after each step, as single precision rounds, change these losses by at most
4e-7 of them, and those of resnet20, whose narrow batches often have a unit next to relu's kink, by 3e-5.

Parameters have Rondo's names and layouts here: dense weights [in, out], convolution weights [height,
width, in / groups, out], images [batch, height, width, channels]. Where PyTorch wants another order, the
operation permutes, and autograd permutes back.
"""

import argparse
import dataclasses
import functools
import json
import math
import pathlib
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

STEPS = 20
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/NeuralNetworkTests/References"


# --- The generator ------------------------------------------------------------------------------


def words(name, count):
    """`count` random 64-bit words that belong to `name`: SplitMix64 from the name's FNV-1a hash.

    Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def values(name, shape, limit=1.0):
    """float32 numbers in [-limit, limit) that belong to `name`."""
    unit = (words(name, math.prod(shape)) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
    return ((2 * unit - 1) * np.float32(limit)).reshape(shape)


def numbers(name, shape, limit=1.0):
    """The same as a tensor in double precision."""
    return torch.from_numpy(values(name, shape, limit).astype(np.float64))


def integers(name, shape, below):
    """Integers in 0..<below that belong to `name`."""
    drawn = (words(name, math.prod(shape)) >> np.uint64(33)) % np.uint64(below)
    return torch.from_numpy(drawn.astype(np.int64).reshape(shape))


class Parameters:
    """Leaf tensors by name, made when they are first asked for.

    Biases are in (-0.1, 0.1), other vectors (scales) in (0.9, 1.1), and the rest has variance 1 / fan-in,
    where fan-in is the product of all extents but the last.
    """

    def __init__(self):
        self.tensors = {}

    def __call__(self, name, *shape):
        if name not in self.tensors:
            if len(shape) > 1:
                first = values(name, shape, math.sqrt(3 * shape[-1] / math.prod(shape)))
            elif name.endswith("bias"):
                first = values(name, shape, 0.1)
            else:
                first = np.float32(1) + values(name, shape, 0.1)
            self.tensors[name] = torch.from_numpy(first.astype(np.float64)).requires_grad_()
        assert self.tensors[name].shape == shape, (name, self.tensors[name].shape, shape)
        return self.tensors[name]


# --- Layers -------------------------------------------------------------------------------------


def dense(p, name, x, units, activation=None, bias=True):
    y = x @ p(f"{name}.weight", x.shape[-1], units)
    if bias:
        y = y + p(f"{name}.bias", units)
    return activation(y) if activation else y


def perceptron(p, x, hidden, outputs, activation):
    for layer, units in enumerate(hidden):
        x = dense(p, f"hidden.{layer}", x, units, activation)
    return dense(p, "output", x, outputs)


def convolution2d(p, name, x, channels, kernel, stride=1, bias=False, activation=None, padding=None):
    """Images [batch, height, width, channels]; padded to keep the extents unless said otherwise."""
    weight = p(f"{name}.weight", kernel, kernel, x.shape[-1], channels)
    shift = p(f"{name}.bias", channels) if bias else None
    padding = kernel // 2 if padding is None else padding
    y = F.conv2d(x.permute(0, 3, 1, 2), weight.permute(3, 2, 0, 1), shift, stride, padding)
    y = y.permute(0, 2, 3, 1)
    return activation(y) if activation else y


def convolution1d(p, name, x, channels, kernel):
    """Sequences [batch, time, channels]; as long as before."""
    weight = p(f"{name}.weight", kernel, x.shape[-1], channels)
    y = F.conv1d(x.permute(0, 2, 1), weight.permute(2, 1, 0), padding=kernel // 2)
    return y.permute(0, 2, 1)


def max_pool2d(x, size, stride=None, padding=0):
    return F.max_pool2d(x.permute(0, 3, 1, 2), size, stride, padding).permute(0, 2, 3, 1)


def max_pool1d(x, size):
    return F.max_pool1d(x.permute(0, 2, 1), size).permute(0, 2, 1)


def batch_norm(p, name, x):
    channels = x.shape[-1]
    scale, shift = p(f"{name}.weight", channels), p(f"{name}.bias", channels)
    rows = F.batch_norm(x.reshape(-1, channels), None, None, scale, shift, training=True)
    return rows.reshape(x.shape)


def residual_block(p, name, x, channels, stride):
    y = convolution2d(p, f"{name}.convolution1", x, channels, 3, stride)
    y = torch.relu(batch_norm(p, f"{name}.norm1", y))
    y = convolution2d(p, f"{name}.convolution2", y, channels, 3)
    if stride != 1 or x.shape[-1] != channels:
        x = convolution2d(p, f"{name}.shortcut.convolution", x, channels, 1, stride)
        x = batch_norm(p, f"{name}.shortcut.norm", x)
    return torch.relu(batch_norm(p, f"{name}.norm2", y) + x)


def residual_stages(p, x, channels, blocks):
    for stage, width in enumerate(channels):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = residual_block(p, f"stages.{stage}.{block}", x, width, stride)
    return x


def embedding(p, name, tokens, rows, width, context):
    table, positions = p(f"{name}.table", rows, width), p(f"{name}.positions", context, width)
    return table[tokens] + positions[: tokens.shape[1]]


def layer_norm(p, name, x):
    width = x.shape[-1]
    return F.layer_norm(x, (width,), p(f"{name}.gain", width), p(f"{name}.bias", width))


def self_attention(p, name, x, heads, causal, mask):
    batch, time, width = x.shape
    queries, keys, values = (
        dense(p, f"{name}.{part}", x, width).reshape(batch, time, heads, width // heads).transpose(1, 2)
        for part in ["query", "key", "value"]
    )
    mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
    return dense(p, f"{name}.output", mixed.transpose(1, 2).reshape(batch, time, width), width)


def transformer_block(p, name, x, heads, causal, mask=None):
    """`mask` [batch, 1, 1, time] says which positions may be looked at."""
    width = x.shape[-1]
    x = x + self_attention(p, f"{name}.attention", layer_norm(p, f"{name}.norm1", x), heads, causal, mask)
    hidden = dense(p, f"{name}.mlp.hidden", layer_norm(p, f"{name}.norm2", x), 4 * width, F.gelu)
    return x + dense(p, f"{name}.mlp.output", hidden, width)


# --- Models: the mean loss of a batch -----------------------------------------------------------


def logistic(p, batch):
    logits = perceptron(p, numbers("features", (batch, 20)), [], 5, None)
    return F.cross_entropy(logits, integers("labels", (batch,), 5))


def linear(p, batch):
    predicted = perceptron(p, numbers("features", (batch, 20)), [], 3, None)
    return F.mse_loss(predicted, numbers("targets", (batch, 3)))


def mlp(p, batch):
    logits = perceptron(p, numbers("features", (batch, 20)), [24, 16], 5, torch.relu)
    return F.cross_entropy(logits, integers("labels", (batch,), 5))


def tabular(p, batch):
    cardinalities, widths = [5, 12, 3], [3, 6, 2]
    parts = [numbers("features", (batch, 4))]
    for column, (cardinality, width) in enumerate(zip(cardinalities, widths, strict=True)):
        table = p(f"columns.{column}.table", cardinality, width)
        parts.append(table[integers(f"codes.{column}", (batch,), cardinality)])
    logits = perceptron(p, torch.cat(parts, dim=1), [16, 8], 2, torch.relu)
    return F.cross_entropy(logits, integers("labels", (batch,), 2))


def lenet(p, batch):
    x = numbers("features", (batch, 28, 28, 1))
    x = max_pool2d(convolution2d(p, "convolution1", x, 6, 5, bias=True, activation=torch.relu), 2)
    x = convolution2d(p, "convolution2", x, 16, 5, bias=True, activation=torch.relu, padding=0)
    x = max_pool2d(x, 2).reshape(batch, -1)
    x = dense(p, "dense1", x, 120, torch.relu)
    x = dense(p, "dense2", x, 84, torch.relu)
    return F.cross_entropy(dense(p, "output", x, 10), integers("labels", (batch,), 10))


def resnet20(p, batch):
    x = convolution2d(p, "stem.convolution", numbers("features", (batch, 16, 16, 3)), 16, 3)
    x = torch.relu(batch_norm(p, "stem.norm", x))
    x = residual_stages(p, x, [16, 32, 64], 3)
    logits = dense(p, "output", x.mean(dim=(1, 2)), 10)
    return F.cross_entropy(logits, integers("labels", (batch,), 10))


def resnet18(p, batch):
    x = convolution2d(p, "stem.convolution", numbers("features", (batch, 64, 64, 3)), 8, 7, 2)
    x = torch.relu(batch_norm(p, "stem.norm", x))
    x = max_pool2d(x, 3, 2, padding=1)
    x = residual_stages(p, x, [8, 16, 32, 64], 2)
    logits = dense(p, "output", x.mean(dim=(1, 2)), 10)
    return F.cross_entropy(logits, integers("labels", (batch,), 10))


def conv1d(p, batch):
    x = numbers("features", (batch, 50, 3))
    for block, channels in enumerate([8, 16]):
        x = convolution1d(p, f"blocks.{block}.convolution", x, channels, 7)
        x = max_pool1d(torch.relu(batch_norm(p, f"blocks.{block}.norm", x)), 2)
    logits = dense(p, "output", x.mean(dim=1), 4)
    return F.cross_entropy(logits, integers("labels", (batch,), 4))


def gpt(p, batch, ties_head=False):
    time, context, vocabulary = 10, 12, 17
    tokens = integers("tokens", (batch, time), vocabulary)
    x = embedding(p, "embedding", tokens, vocabulary, 16, context)
    for layer in range(2):
        x = transformer_block(p, f"blocks.{layer}", x, heads=2, causal=True)
    x = layer_norm(p, "norm", x)
    if ties_head:
        logits = x @ p("embedding.table", vocabulary, 16).T
    else:
        logits = dense(p, "head", x, vocabulary, bias=False)
    labels = integers("labels", (batch, time), vocabulary)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def encoder(p, batch):
    time, vocabulary = 12, 6
    lengths = integers("lengths", (batch,), time) + 1
    inside = torch.arange(time) < lengths[:, None]
    x = embedding(p, "embedding", integers("tokens", (batch, time), vocabulary), vocabulary, 16, time)
    for layer in range(2):
        x = transformer_block(p, f"blocks.{layer}", x, heads=4, causal=False, mask=inside[:, None, None])
    kept = layer_norm(p, "norm", x) * inside[:, :, None]
    logits = dense(p, "head", kept.sum(dim=1) / lengths[:, None], 3)
    return F.cross_entropy(logits, integers("labels", (batch,), 3))


# --- Training -----------------------------------------------------------------------------------


@dataclasses.dataclass
class Run:
    """A model's mean loss as a function of parameters and batch size, and how it is trained."""

    loss: Callable
    batch: int
    optimizer: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0

    def make_optimizer(self, tensors):
        if self.optimizer == "adamw":
            return torch.optim.AdamW(tensors, lr=self.learning_rate, weight_decay=self.weight_decay)
        return torch.optim.SGD(
            tensors, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay
        )

    def losses(self):
        """The losses of all steps, and the parameters."""
        parameters = Parameters()
        self.loss(parameters, self.batch)
        optimizer = self.make_optimizer(parameters.tensors.values())
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = self.loss(parameters, self.batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses, parameters.tensors


RUNS = {
    "logistic": Run(logistic, 32, "sgd", 0.5, momentum=0.9),
    "linear": Run(linear, 32, "sgd", 0.2),
    "mlp": Run(mlp, 32, "adamw", 0.01, weight_decay=0.01),
    "lenet": Run(lenet, 32, "sgd", 0.02, momentum=0.9),
    "resnet20": Run(resnet20, 16, "sgd", 0.0001, momentum=0.9, weight_decay=1e-4),
    "resnet18": Run(resnet18, 16, "sgd", 0.00003, momentum=0.9, weight_decay=1e-4),
    "gpt": Run(gpt, 8, "adamw", 0.01, weight_decay=0.01),
    "gpt-tied": Run(functools.partial(gpt, ties_head=True), 8, "adamw", 0.01, weight_decay=0.01),
    "encoder": Run(encoder, 16, "adamw", 0.01, weight_decay=0.01),
    "conv1d": Run(conv1d, 16, "adamw", 0.002, weight_decay=0.01),
    "tabular": Run(tabular, 32, "adamw", 0.01, weight_decay=0.01),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all")
    parser.add_argument("--list", action="store_true", help="names the models")
    parser.add_argument("--output", default=FOLDER, type=pathlib.Path, help="folder (default: %(default)s)")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(RUNS)
    if unknown:
        parser.error(f"there is no model {', '.join(sorted(unknown))}; there are: {', '.join(RUNS)}")
    if arguments.list:
        print("\n".join(RUNS))
        return
    torch.set_default_dtype(torch.float64)
    arguments.output.mkdir(exist_ok=True)
    for name in arguments.models or RUNS:
        run = RUNS[name]
        losses, tensors = run.losses()
        reference = {
            "command": f"scripts/reference/models.py {name}",
            "torch": torch.__version__,
            "batch": run.batch,
            "optimizer": {
                "kind": run.optimizer,
                "learningRate": run.learning_rate,
                "momentum": run.momentum,
                "weightDecay": run.weight_decay,
            },
            "parameters": [f"{key} {list(tensor.shape)}" for key, tensor in tensors.items()],
            "losses": losses,
        }
        path = arguments.output / f"{name}.json"
        path.write_text(json.dumps(reference, indent=1) + "\n")
        print(f"{name}: loss {losses[0]:.6f} -> {losses[-1]:.6f}, {path.name} {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
