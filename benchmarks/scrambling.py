"""Scrambling is free: training on permuted images against training on natural ones, family by family.

Without augmentation the resident images are permuted once, before training. With it, every batch is permuted in the
graph after it is augmented; the natural side is then the same graph with that operation left out. What is done once,
before training, is measured by itself.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock

from pydantic import TypeAdapter

from benchmarks import loops
from benchmarks.loops import BATCH_SIZE, NETWORKS, Loop, Network
from benchmarks.results import Result
from benchmarks.turns import in_process, median_seconds
from scramble import params
from scramble.permutations import FAMILIES, FixedPermutation, PerImagePermutation, Permutation, draw

STRENGTHS: dict[str, dict[str, Any]] = {"tiles": {"size": 4}, "within_tiles": {"size": 4}, "swaps": {"share": 0.5}}
AUGMENTATION = {"max_shift": 2}
BATCHES = {"mlp": 50, "lenet5": 24, "resnet20": 1}
"""Of an epoch: short ones, since there are many to take turns."""
PREPARED = 60_000
Seconds = dict[tuple[str, bool], float]
"""By family, "natural" among them, and whether with augmentation: an epoch."""


def measure() -> Iterator[Result]:
    yield from preparation()
    for name, network in NETWORKS.items():
        network = network._replace(num_images=BATCHES[name] * BATCH_SIZE)
        seconds = in_process(seconds_by_family, network)
        for (family, augmented), each in seconds.items():
            if family != "natural":
                ours, peer = (network.num_images / value for value in (each, seconds["natural", augmented]))
                wanted = ">= 0.9" if augmented and name == "mlp" else ">= 0.97"
                condition = "with augmentation" if augmented else "without augmentation"
                yield Result(f"scrambling: {name}, {condition}, {family} / natural", ours, peer, "images/s", wanted)


def preparation() -> Iterator[Result]:
    """What permuting the resident images costs before training: once, and inside no epoch."""
    seconds = in_process(preparation_seconds, NETWORKS["mlp"]._replace(num_images=PREPARED))
    for family, each in seconds.items():
        if family != "natural":
            label = f"scrambling: prepare of {PREPARED:,} images of 28x28, {family} / natural"
            yield Result(label, each, seconds["natural"], "s")


def preparation_seconds(network: Network) -> dict[str, float]:
    """By family, "natural" among them; for a process of its own."""
    loops.configure(threads=1)
    from scramble.training import prepare

    split = loops.noise(network).split
    natural = FixedPermutation(draw(params.Plain(family="identity"), network.image_shape, replicate=0))
    kinds = {"natural": natural} | permutations(network.image_shape)
    recipe = loops.recipe()
    return median_seconds({name: partial(prepare, split, kind, recipe) for name, kind in kinds.items()}, rounds=3)


def seconds_by_family(network: Network) -> Seconds:
    """On one thread; for a process of its own."""
    strategy = loops.configure(threads=1)
    return median_seconds(turns(network, strategy))


def turns(network: Network, strategy: Any) -> dict[tuple[str, bool], Any]:
    """What trains one epoch when it is called, with two epochs of warm-up behind it.

    All families share a trainer, its graph and its weights: speed does not ask whose epoch it is.
    """
    from scramble import inputs

    plain = Loop(network, loops.recipe(), strategy)
    augmented = Loop(network, loops.recipe(augmentation=AUGMENTATION), strategy)
    unpermuted = Loop(network, loops.recipe(augmentation=AUGMENTATION), strategy)
    epochs = {("natural", False): plain.epochs(), ("natural", True): unpermuted.epochs()}
    with mock.patch.object(inputs, "permute", lambda images, index: images):
        next(epochs["natural", True])
    for family, permutation in permutations(network.image_shape).items():
        epochs |= {(family, False): plain.epochs(permutation), (family, True): augmented.epochs(permutation)}
    for _ in range(2):
        for each in epochs.values():
            next(each)
    return {key: each.__next__ for key, each in epochs.items()}


def permutations(image_shape: params.ImageShape) -> dict[str, Permutation]:
    """One draw of every family but the identity."""
    drawn: dict[str, Permutation] = {"per_image": PerImagePermutation(seed=0, replicate=0)}
    for family in set(FAMILIES) - {"identity"}:
        document = {"family": family, **STRENGTHS.get(family, {})}
        spec: params.AnyPermutation = TypeAdapter(params.AnyPermutation).validate_python(document)
        drawn[family] = FixedPermutation(draw(spec, image_shape, replicate=0))
    return dict(sorted(drawn.items()))
