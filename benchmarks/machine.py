"""The machine that the numbers are of: its cores, its processor, and what one core can do at best."""

import os
import time
from functools import cache
from typing import Any

from benchmarks import loops
from benchmarks.turns import in_process
from scramble import environment

SIZE = 2048
"""Rows and columns of the matrices that are multiplied; smaller ones reach less."""
REPETITIONS = 15


@cache
def describe() -> dict[str, Any]:
    """The processor, and the measured peak of one thread's matrix product in GFLOP/s, by type."""
    types = ["float32", "bfloat16"] if has_bfloat16() else ["float32"]
    return {"processor": environment.processor(), "matmul_gflops": in_process(matmul_peaks, types)}


def num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; others emulate it."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(environment.processor()["instruction_sets"])


def matmul_peaks(types: list[str]) -> dict[str, float]:
    """GFLOP/s of the fastest of some large matrix products on one thread; for a process of its own."""
    loops.configure(threads=1)
    import tensorflow as tf

    multiply = tf.function(tf.matmul, autograph=False)
    peaks = {}
    for name in types:
        factors = [tf.cast(tf.random.stateless_normal((SIZE, SIZE), (0, seed)), name) for seed in range(2)]
        seconds = []
        for _ in range(REPETITIONS):
            start = time.perf_counter()
            multiply(*factors).numpy()
            seconds.append(time.perf_counter() - start)
        peaks[name] = round(2 * SIZE**3 / min(seconds) / 1e9, 1)
    return peaks
