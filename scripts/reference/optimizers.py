#!/usr/bin/env python3
"""Runs PyTorch's optimizers, clipping and learning-rate schedules, and stores what the tests compare with.

usage: scripts/reference/optimizers.py [--output FOLDER]

    "$(scripts/reference/setup | tail -1)" scripts/reference/optimizers.py

optimizers.json: the parameters after 20 steps, in double precision, of each run in RUNS. There are two
tensors, weight [6, 4] and bias [4], and the loss is a sum over their 28 elements p[i], counted through:
-cos(3 p[i] + i mod 7) / 3, so that the gradients are sin(3 p[i] + i mod 7).

schedules.json: the learning rates of each step of SCHEDULES, for a rate of 1.
"""

import argparse
import json
import pathlib

import torch
from torch.optim import lr_scheduler

STEPS = 20
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/OptimizersTests/References"

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}

# Beside the optimizer's arguments: clip_norm and clip_value; bias: "decays", "stays" (no decay), "frozen".
RUNS = [
    {"kind": "sgd", "lr": 0.05},
    {"kind": "sgd", "lr": 0.05, "weight_decay": 0.1},
    {"kind": "sgd", "lr": 0.02, "momentum": 0.9},
    {"kind": "sgd", "lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"kind": "rmsprop", "lr": 0.01},
    {"kind": "rmsprop", "lr": 0.002, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.05},
    {"kind": "adagrad", "lr": 0.05},
    {"kind": "adagrad", "lr": 0.1, "eps": 1e-3, "weight_decay": 0.1},
    {"kind": "adam", "lr": 0.01},
    {"kind": "adam", "lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-4, "weight_decay": 0.2},
    {"kind": "adamw", "lr": 0.01},
    {"kind": "adamw", "lr": 0.02, "betas": [0.8, 0.99], "weight_decay": 0.5, "bias": "stays"},
    {"kind": "sgd", "lr": 0.05, "weight_decay": 0.2, "bias": "stays", "clip_norm": 0.5},
    {"kind": "sgd", "lr": 0.05, "momentum": 0.5, "clip_norm": 2.0},
    {"kind": "sgd", "lr": 0.05, "bias": "frozen", "clip_norm": 0.5},
    {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "clip_value": 0.3},
]


def parameters_after(run):
    count = 28
    first = torch.tensor([(37 * i + 11) % 64 - 32 for i in range(count)]) / 64
    shift = torch.tensor([float(i % 7) for i in range(count)])
    weight = first[:24].reshape(6, 4).clone().requires_grad_()
    bias = first[24:].clone().requires_grad_(run.get("bias") != "frozen")
    own = {"kind", "bias", "clip_norm", "clip_value"}
    groups = [{"params": [weight]}, {"params": [bias]}]
    if run.get("bias") == "stays":
        groups[1]["weight_decay"] = 0.0
    options = {key: value for key, value in run.items() if key not in own}
    optimizer = OPTIMIZERS[run["kind"]](groups, **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        flat = torch.cat([weight.flatten(), bias])
        (-torch.cos(3 * flat + shift).sum() / 3).backward()
        if "clip_norm" in run:
            torch.nn.utils.clip_grad_norm_([weight, bias], run["clip_norm"])
        if "clip_value" in run:
            torch.nn.utils.clip_grad_value_([weight, bias], run["clip_value"])
        optimizer.step()
    return torch.cat([weight.flatten(), bias]).tolist()


def warmed(optimizer, warmup, then):
    """`then` after a rise whose step s has the factor (s + 1) / (warmup + 1)."""
    rise = lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), 1, warmup)
    return lr_scheduler.SequentialLR(optimizer, [rise, then], [warmup])


# Keys as in a configuration, and how PyTorch makes the schedule.
SCHEDULES = [
    ({"kind": "step", "every_steps": 7, "gamma": 0.3, "total": 30},
     lambda o: lr_scheduler.StepLR(o, 7, 0.3)),
    ({"kind": "step", "every_steps": 5, "gamma": 0.5, "warmup_steps": 4, "total": 20},
     lambda o: warmed(o, 4, lr_scheduler.StepLR(o, 5, 0.5))),
    ({"kind": "one-cycle", "total": 40},
     lambda o: lr_scheduler.OneCycleLR(o, 1, 40, cycle_momentum=False)),
    ({"kind": "one-cycle", "pct_start": 0.47, "div_factor": 10, "final_div_factor": 100, "total": 33},
     lambda o: lr_scheduler.OneCycleLR(
         o, 1, 33, pct_start=0.47, div_factor=10, final_div_factor=100, cycle_momentum=False)),
    ({"kind": "one-cycle", "warmup_steps": 8, "total": 32},
     lambda o: lr_scheduler.OneCycleLR(o, 1, 32, pct_start=0.25, cycle_momentum=False)),
    ({"kind": "cosine", "warmup_steps": 5, "total": 25},
     lambda o: warmed(o, 5, lr_scheduler.CosineAnnealingLR(o, 20))),
    ({"kind": "linear", "total": 20},
     lambda o: lr_scheduler.LinearLR(o, 1, 0, 20)),
]


def rates(make, total):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule = make(optimizer)
    result = []
    for _ in range(total):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(result) < total:
            schedule.step()
    return result


def rounded(numbers):
    return [float(f"{number:.9g}") for number in numbers]


def write(path, content):
    header = {"command": "scripts/reference/optimizers.py", "torch": torch.__version__}
    rows = ",\n".join(json.dumps(row) for row in content)
    path.write_text(f"{json.dumps(header)[:-1]}, \"rows\": [\n{rows}\n]}}\n")
    print(f"{path.name}: {len(content)} rows, {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", default=FOLDER, type=pathlib.Path, help="folder (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    arguments.output.mkdir(exist_ok=True)
    write(
        arguments.output / "optimizers.json",
        [run | {"parameters": rounded(parameters_after(run))} for run in RUNS],
    )
    write(
        arguments.output / "schedules.json",
        [keys | {"factors": rounded(rates(make, keys["total"]))} for keys, make in SCHEDULES],
    )


if __name__ == "__main__":
    main()
