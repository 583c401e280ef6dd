#!/usr/bin/env python3
"""Training steps of the MLP of `rondo bench train` in TensorFlow, timed: a second peer of the README's tables.

usage: python scripts/reference/bench_tensorflow.py [--threads N] [--steps N] [--xla] [MODEL]...

MODEL is mlp, mlp-adamw or small-mlp (all of them without one). The python is that of scripts/reference/setup --tensorflow.
A step is one call of a tf.function: forward, loss, gradients and Keras's optimizer; --xla compiles it with XLA.
Prints a JSON object a line: model, threads, samples_per_second, step_ms_median, sgemm_gflops (one product of 1,024 x 1,024 x 1,024 on
the same threads), whether it was compiled, and peak_memory_bytes of the process, which only means something for one MODEL a process.
"""

import argparse
import json
import os
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402


def perceptron(*widths):
    layers = [keras.layers.Dense(width, activation="relu") for width in widths[1:-1]]
    return keras.Sequential([keras.Input((widths[0],)), *layers, keras.layers.Dense(widths[-1])])


def sgd():
    return keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)


def adamw():
    return keras.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.01)


# Per model: the widths of its layers, the optimizer and the samples of a step.
MODELS = {
    "mlp": ((784, 1024, 1024, 10), sgd, 256),
    "mlp-adamw": ((784, 1024, 1024, 10), adamw, 256),
    "small-mlp": ((64, 32, 10), sgd, 32),
}


def median_seconds(count, warmup, body):
    seconds = []
    for number in range(warmup + count):
        start = time.perf_counter()
        body(number)
        if number >= warmup:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def sgemm_gflops():
    a, b = tf.random.uniform((1024, 1024)), tf.random.uniform((1024, 1024))
    product = tf.function(lambda: tf.matmul(a, b))
    return 2e-9 * 1024**3 / median_seconds(7, 1, lambda _: product().numpy())


def measure(name, threads, steps, xla):
    widths, optimizer, batch = MODELS[name]
    keras.utils.set_random_seed(1)
    model, update = perceptron(*widths), optimizer()
    update.build(model.trainable_variables)

    @tf.function(jit_compile=xla)
    def step(features, labels):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(features, training=True))
            loss = tf.reduce_mean(losses)
        update.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        return loss

    data = [
        (tf.random.uniform((batch, widths[0])), tf.random.uniform((batch,), maxval=10, dtype=tf.int32)) for _ in range(4)]
    # The loss is fetched: a call may return before its step is done.
    typical = median_seconds(steps, 5, lambda number: step(*data[number % len(data)]).numpy())
    print(json.dumps({
        "model": name, "threads": threads, "samples_per_second": batch / typical, "step_ms_median": 1e3 * typical,
        "sgemm_gflops": sgemm_gflops(), "tensorflow": tf.__version__, "xla": xla,
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of " + ", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--xla", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"unknown model {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}")
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for name in arguments.models or MODELS:
        measure(name, arguments.threads, arguments.steps, arguments.xla)


if __name__ == "__main__":
    main()
