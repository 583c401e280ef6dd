#!/usr/bin/env python3
"""Training steps of the models of `rondo bench train` in PyTorch, timed: the peer of the README's tables.

usage: python scripts/reference/bench.py [--threads N] [--steps N] [--channels-last] [MODEL]...

MODEL is mlp, mlp-adamw, small-mlp, lenet, resnet20 or gpt (all of them without one). The python is that of scripts/reference/setup.
Prints a JSON object a line: model, threads, samples_per_second, tokens_per_second (gpt), step_ms_median, sgemm_gflops (one product of
1,024 x 1,024 x 1,024 on the same threads) and peak_memory_bytes of the process, which only means something for one MODEL a process.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """A basic block of K. He et al., arXiv:1512.03385, section 4.2, with projections as shortcuts (option B)."""

    def __init__(self, before, channels, stride):
        super().__init__()
        self.first = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if before != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.norm2(self.second(F.relu(self.norm1(self.first(x)))))
        return F.relu(self.shortcut(x) + y)


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    before = 16
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Residual(before, channels, 2 if stage and not block else 1))
            before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


class Block(nn.Module):
    """A transformer block: pre-norm, causal attention, gelu, four times the width inside."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden, self.output = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mixed(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.output(F.gelu(self.hidden(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, layers=6, width=384, heads=6, context=256, vocabulary=256):
        super().__init__()
        self.table, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.table(tokens) + self.positions(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x))).flatten(0, 1)


def perceptron(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, foreach=True)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)


# Per model: what makes it, the optimizer, the samples of a step, and the inputs of so many samples.
MODELS = {
    "mlp": (lambda: perceptron(784, 1024, 1024, 10), sgd, 256, lambda n: torch.rand(n, 784)),
    "mlp-adamw": (lambda: perceptron(784, 1024, 1024, 10), adamw, 256, lambda n: torch.rand(n, 784)),
    "small-mlp": (lambda: perceptron(64, 32, 10), sgd, 32, lambda n: torch.rand(n, 64)),
    "lenet": (lenet, sgd, 64, lambda n: torch.rand(n, 1, 28, 28)),
    "resnet20": (resnet20, sgd, 64, lambda n: torch.rand(n, 3, 32, 32)),
    "gpt": (GPT, adamw, 8, lambda n: torch.randint(0, 256, (n, 256))),
}


def sgemm_gflops():
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2e-9 * 1024**3 / statistics.median(seconds)


def measure(name, threads, steps, channels_last):
    make, optimizer, batch, inputs = MODELS[name]
    torch.manual_seed(1)
    model = make()
    if channels_last and name in ("lenet", "resnet20"):
        model = model.to(memory_format=torch.channels_last)
    update = optimizer(model.parameters())
    data = [(inputs(batch), torch.randint(0, 10, (batch * (256 if name == "gpt" else 1),))) for _ in range(4)]
    if channels_last and name in ("lenet", "resnet20"):
        data = [(features.to(memory_format=torch.channels_last), labels) for features, labels in data]
    seconds = []
    for step in range(3 + steps):
        features, labels = data[step % len(data)]
        start = time.perf_counter()
        update.zero_grad(set_to_none=True)
        F.cross_entropy(model(features), labels).backward()
        update.step()
        if step >= 3:
            seconds.append(time.perf_counter() - start)
    typical = statistics.median(seconds)
    result = {
        "model": name, "threads": threads, "samples_per_second": batch / typical, "step_ms_median": 1e3 * typical,
        "sgemm_gflops": sgemm_gflops(), "pytorch": torch.__version__,
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    if name == "gpt":
        result["tokens_per_second"] = 256 * batch / typical
    print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of " + ", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--channels-last", action="store_true", help="of images")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown model {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}")
    torch.set_num_threads(arguments.threads)
    for name in arguments.models or MODELS:
        measure(name, arguments.threads, arguments.steps, arguments.channels_last)


if __name__ == "__main__":
    main()
