"""Training images per second: our loop against Keras' and PyTorch's, on one thread, on two, on the whole machine."""

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from math import prod

from benchmarks import loops, machine
from benchmarks.loops import NETWORKS, Network
from benchmarks.results import Result
from benchmarks.turns import Train, in_process, race

FIT_WANTED = {
    1: {"mlp": 1.6, "lenet5": 1.25, "resnet20": 1.3},
    2: {"mlp": 1.9, "lenet5": 1.35, "resnet20": 1.3},
}
PYTORCH_WANTED = {
    1: {"mlp": 1.5, "lenet5": 1.5, "resnet20": 1.4},
    2: {"mlp": 1.2, "lenet5": 1.4, "resnet20": 1.15},
}
MACHINE_WANTED = {
    "float32": {"mlp": 3.0, "lenet5": 1.7, "resnet20": 1.5},
    "mixed_bfloat16": {"mlp": 4.0, "lenet5": 2.1, "resnet20": 2.2},
}
"""On two cores."""
PEAK_WANTED = {"mlp": 0.6, "lenet5": 0.2, "resnet20": 0.7}


def measure() -> Iterator[Result]:
    peak = machine.describe()["matmul_gflops"]["float32"]
    flops = in_process(training_flops, NETWORKS)
    if find_spec("torch") is None:
        print("PyTorch is not importable and is left out; README.md of benchmarks/ says how to add it")
    for name, network in NETWORKS.items():
        for threads in (1, 2) if machine.num_cores() > 1 else (1,):
            speeds = one_process(network, threads)
            yield from against_peers(name, threads, speeds)
            if threads == 1:
                gflops = speeds["loop"] * flops[name] / 1e9
                label = f"speed: {name}, 1 thread, loop's FLOP/s / matmul peak"
                yield Result(label, gflops, peak, "GFLOP/s", f">= {PEAK_WANTED[name]}")
        yield from whole_machine(name, network)


def training_flops(networks: dict[str, Network]) -> dict[str, int]:
    """Operations of training on one image, two per multiply-accumulate.

    The backward pass takes as many again for the weights and for the inputs of every layer but the first.
    """
    loops.configure(threads=1)
    from scramble.ledger import ledger

    flops = {}
    for name, network in networks.items():
        model = loops.build(network)
        first = next(layer for layer in model.layers if hasattr(layer, "kernel"))
        macs_of_first = prod(first.output.shape[1:-1]) * prod(first.kernel.shape)
        flops[name] = 2 * (3 * ledger(model).macs - macs_of_first)
    return flops


def one_process(network: Network, threads: int) -> dict[str, float]:
    """Images per second of each loop, in float32."""
    trains: dict[str, tuple[Train, int]] = {
        "loop": (partial(loops.by_loop, network=network, threads=threads), 1),
        "fit": (partial(loops.by_fit, network=network, threads=threads), 1),
    }
    if find_spec("torch") is not None:
        # Where no layer has a map, both formats are the same.
        for memory_format in ("contiguous_format", "channels_last")[: 1 if network.architecture == "mlp" else 2]:
            train = partial(loops.by_pytorch, network=network, threads=threads, memory_format=memory_format)
            trains[memory_format] = (train, 1)
    return {key: network.num_images / seconds for key, seconds in race(trains).items()}


def against_peers(name: str, threads: int, speeds: dict[str, float]) -> Iterator[Result]:
    prefix = f"speed: {name}, {threads} thread{'s' if threads > 1 else ''}"
    ours = speeds["loop"]
    yield Result(f"{prefix}, loop / fit", ours, speeds["fit"], "images/s", f">= {FIT_WANTED[threads][name]}")
    formats = {key: speed for key, speed in speeds.items() if key not in {"loop", "fit"}}
    if formats:
        fastest = max(formats, key=lambda key: formats[key])
        label = f"{prefix}, loop / PyTorch ({fastest})"
        yield Result(label, ours, formats[fastest], "images/s", f">= {PYTORCH_WANTED[threads][name]}")


def whole_machine(name: str, network: Network) -> Iterator[Result]:
    """As many replicates as cores: each on a thread of its own, against one after another through `fit` with all."""
    cores = machine.num_cores()
    precisions = ("float32", "mixed_bfloat16") if machine.has_bfloat16() else ("float32",)
    trains: dict[tuple[str, str], tuple[Train, int]] = {}
    for precision in precisions:
        ours = partial(loops.by_loop, network=network, threads=1, precision=precision)
        peer = partial(loops.by_fit, network=network, threads=cores, precision=precision)
        trains |= {("loop", precision): (ours, cores), ("fit", precision): (peer, 1)}
    seconds = race(trains)
    speeds = {key: trains[key][1] * network.num_images / each for key, each in seconds.items()}
    prefix = f"speed: {name}, {cores} cores, {cores} loops"
    for precision in precisions:
        wanted = f">= {MACHINE_WANTED[precision][name]}" if cores == 2 else ""
        label = f"{prefix} in {precision} / fit in float32"
        yield Result(label, speeds["loop", precision], speeds["fit", "float32"], "images/s", wanted)
    if "mixed_bfloat16" in precisions:
        label = f"{prefix} / fit, both in mixed_bfloat16"
        yield Result(label, speeds["loop", "mixed_bfloat16"], speeds["fit", "mixed_bfloat16"], "images/s")
