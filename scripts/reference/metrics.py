#!/usr/bin/env python3
"""Stores what scikit-learn says of some predictions, for the tests of Rondo's evaluation to compare with.

usage: scripts/reference/metrics.py

    "$(scripts/reference/setup | tail -1)" scripts/reference/metrics.py

Writes Tests/TrainingTests/References/metrics.json: logits and labels, or predictions and values, and the
metrics by Rondo's names. Logits are multiples of 1/16 and rows are repeated, so that there are ties and
they are exact in any arithmetic. Areas under curves are left out where a class has no sample, as Rondo
does; scikit-learn would warn.
"""

import json
import math
import pathlib

import numpy as np
import sklearn
from sklearn import metrics

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/TrainingTests/References/metrics.json"


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def sixteenths(random, shape, scale=1.5):
    return np.round(random.normal(scale=scale, size=shape) * 16) / 16


def classified(labels, logits):
    """Metrics of a classifier, the positive class of two being 1."""
    count = logits.shape[1]
    predictions = logits.argmax(axis=1)
    probabilities = softmax(logits)
    average = "binary" if count == 2 else "macro"
    options = {"average": average, "zero_division": 0}
    found = {
        "accuracy": metrics.accuracy_score(labels, predictions),
        "precision": metrics.precision_score(labels, predictions, **options),
        "recall": metrics.recall_score(labels, predictions, **options),
        "f1": metrics.f1_score(labels, predictions, **options),
        "log_loss": metrics.log_loss(labels, probabilities, labels=range(count)),
    }
    if count > 5:
        found["top_5_accuracy"] = metrics.top_k_accuracy_score(labels, logits, k=5, labels=range(count))
    if set(labels) == set(range(count)):
        scores = logits[:, 1] - logits[:, 0] if count == 2 else probabilities
        found["roc_auc"] = metrics.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
        found["pr_auc"] = metrics.average_precision_score(labels, scores, average="macro")
    return {
        "classes": count,
        "labels": labels.tolist(),
        "logits": logits.ravel().tolist(),
        "metrics": found,
        "confusionMatrix": metrics.confusion_matrix(labels, predictions, labels=range(count)).tolist(),
    }


def tokens(labels, logits):
    loss = metrics.log_loss(labels, softmax(logits), labels=range(logits.shape[1]))
    return {
        "classes": logits.shape[1],
        "labels": labels.tolist(),
        "logits": logits.ravel().tolist(),
        "metrics": {
            "accuracy": metrics.accuracy_score(labels, logits.argmax(axis=1)),
            "loss": loss,
            "perplexity": math.exp(loss),
        },
    }


def regressed(values, predictions):
    return {
        "values": values.tolist(),
        "predictions": predictions.tolist(),
        "metrics": {
            "mse": metrics.mean_squared_error(values, predictions),
            "mae": metrics.mean_absolute_error(values, predictions),
            "r2": metrics.r2_score(values, predictions),
        },
    }


def main():
    random = np.random.default_rng(7)

    def drawn(count, classes, kinds=None):
        """Rows that lean to their label, a third of them repeated with labels of their own."""
        labels = random.choice(kinds if kinds is not None else np.arange(classes), size=count)
        logits = sixteenths(random, (count, classes))
        logits[np.arange(count), labels] += 1
        third = count // 3
        logits[:third] = logits[third : 2 * third]
        return labels, logits

    binary = drawn(60, 2)
    seven = drawn(90, 7)
    # Equal logits inside a row, at the border of the five largest too.
    level = drawn(48, 8)
    level[1][:, 4:] = level[1][:, :4]
    apart = drawn(40, 6, kinds=[0, 1, 2, 3])
    apart[1][:, 4:] -= 99
    reference = {
        "command": "scripts/reference/metrics.py",
        "scikitLearn": sklearn.__version__,
        "classification": {
            "binary with ties": classified(*binary),
            "binary, never taken for class 1": classified(
                binary[0], np.stack([np.abs(binary[1][:, 0]) + 9, binary[1][:, 1]], axis=1)
            ),
            "three classes": classified(*drawn(45, 3)),
            "seven classes with ties": classified(*seven),
            "equal logits": classified(*level),
            "class 2 has no sample": classified(*drawn(50, 4, kinds=[0, 1, 3])),
            "classes 4 and 5 do not occur": classified(*apart),
        },
        "tokens": {"five tokens": tokens(*drawn(40, 5))},
        "regression": {
            "small values": regressed(sixteenths(random, 50), sixteenths(random, 50)),
            "far from 0": regressed(
                400_000 + sixteenths(random, 30), 400_000 + sixteenths(random, 30, scale=0.5)
            ),
            "the first value is an outlier": regressed(
                np.concatenate([[2.0**30], sixteenths(random, 30)]), np.concatenate([[2.0**30], np.zeros(30)])
            ),
        },
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(reference, separators=(",", ":")).replace("},", "},\n") + "\n")
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size} bytes, scikit-learn {sklearn.__version__}")


if __name__ == "__main__":
    main()
