"""How much of a step is spent inside convolutions and matrix products: what is left is what the loop could still save.

TensorFlow's profiler traces one epoch on one thread; each of its kernels is an event `<place in the graph>:<type>`.
"""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import loops
from benchmarks.loops import NETWORKS, Network
from benchmarks.results import Result
from benchmarks.turns import in_process

KERNEL = re.compile(r":\w*(Conv2D|MatMul)\w*$")
PICOSECONDS = 1e12


def measure() -> Iterator[Result]:
    for name, network in NETWORKS.items():
        inside, epoch = in_process(seconds_inside, network)
        yield Result(f"kernels: {name}, 1 thread, convolutions and products / epoch", inside, epoch, "s")


def seconds_inside(network: Network) -> tuple[float, float]:
    """(seconds inside the kernels, seconds of the epoch); for a process of its own."""
    strategy = loops.configure(threads=1)
    import tensorflow as tf

    epochs = loops.Loop(network, loops.recipe(), strategy).epochs()
    next(epochs)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            start = time.perf_counter()
            next(epochs)
            seconds = time.perf_counter() - start
        (trace,) = Path(folder).rglob("*.xplane.pb")
        return kernel_seconds(trace), seconds


def kernel_seconds(trace: Path) -> float:
    """Sums up the events of convolutions and matrix products in a trace of the profiler."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    total = 0
    for plane in xplane_pb2.XSpace.FromString(trace.read_bytes()).planes:
        wanted = {key for key, metadata in plane.event_metadata.items() if KERNEL.search(metadata.name)}
        events = (event for line in plane.lines for event in line.events)
        total += sum(event.duration_ps for event in events if event.metadata_id in wanted)
    return total / PICOSECONDS
