"""How fast the training loop is: ratios, measured side by side in one run. `make bench` writes results.json here.

Every pair takes turns, epoch by epoch, in one process with its number of threads pinned; a ratio is that of medians.

- loop / fit: our loop against `keras.Model.fit` on NumPy arrays, the same network (with Keras' own batch
  normalisation), optimizer and batch size, float32.
- scrambled / natural: our loop with augmentation, where every batch is permuted in the graph, against the loop
  where it is gathered in its natural order.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

import numpy as np  # noqa: E402

from scramble import environment, params, quiet  # noqa: E402
from scramble.artifacts import DatasetInfo, SplitInfo, TrainSplit  # noqa: E402
from scramble.permutations import FixedPermutation, draw  # noqa: E402

BATCH_SIZE = 128
EPOCHS = 5
NETWORKS = {"mlp": ((28, 28, 1), 20_480), "lenet5": ((28, 28, 1), 10_240), "resnet20": ((32, 32, 3), 1_024)}
"""Image shape, and images of an epoch."""
RECIPE = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": BATCH_SIZE, "epochs": EPOCHS + 1}
AUGMENTATION = {"max_shift": 2}
Result = dict[str, str | float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="measure with this many threads and print the results as JSON")
    threads = parser.parse_args().threads
    if threads is not None:
        print(json.dumps(list(measure(threads))))
        return
    results: list[Result] = []
    print(f"{environment.processor()['name']}, batch {BATCH_SIZE}, images/s, median of {EPOCHS} epochs")
    for threads in (1, 2):
        command = [sys.executable, __file__, f"--threads={threads}"]
        for result in json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout):
            results.append(result)
            print(f"{result['name']:42} {result['ours']:>9,.0f} : {result['peer']:>9,.0f}  = {result['ratio']:.2f}")
    document = {"processor": environment.processor(), "results": results}
    (ROOT / "benchmarks/results.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measure(threads: int) -> Iterator[Result]:
    """All pairs with `threads` intra-op threads."""
    quiet.import_tensorflow()
    from scramble import distribution

    strategy = distribution.configure(params.Compute(threads=threads))
    condition = "1 thread" if threads == 1 else f"{threads} threads"
    for name, (shape, num_images) in NETWORKS.items():
        split, info = synthetic(shape, num_images)
        loop = epochs_of_loop(name, split, info, strategy, "pixels", {})
        yield compare(f"{name} loop / fit, {condition}", num_images, loop, epochs_of_fit(name, split, info))
        pair = [epochs_of_loop(name, split, info, strategy, family, AUGMENTATION) for family in ("pixels", "identity")]
        yield compare(f"{name} scrambled / natural, {condition}", num_images, *pair)


def synthetic(shape: params.ImageShape, num_images: int) -> tuple[TrainSplit, DatasetInfo]:
    """Noise, and a validation part of one image."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (num_images + 1, *shape), dtype=np.uint8)
    labels = random.integers(0, 10, num_images + 1).astype(np.int32)
    info = DatasetInfo(
        name="noise",
        image_shape=shape,
        class_names=tuple("0123456789"),
        splits={"train": SplitInfo(count=num_images, per_class=())},
        mean=(0.5,) * shape[2],
        std=(0.29,) * shape[2],
        digest="",
        duplicates=0,
        source="",
        licence="",
    )
    return TrainSplit(images=images, labels=labels, validation=np.zeros(1, np.int32)), info


def epochs_of_loop(
    name: str, split: TrainSplit, info: DatasetInfo, strategy: Any, family: str, augmentation: dict[str, int]
) -> Callable[[], object]:
    """Our loop; every call trains one epoch."""
    from scramble import models
    from scramble.training import Trainer, prepare

    recipe = params.Recipe.model_validate(RECIPE | {"augmentation": augmentation})
    architecture = models.build(name, info.image_shape, info.num_classes).to_json()
    trainer = Trainer(architecture, recipe, info, strategy)
    permutation = FixedPermutation(draw(params.Plain(family=family), info.image_shape, replicate=0))
    epochs = trainer.train(prepare(split, permutation, recipe), (0, 0))
    return lambda: next(epochs)


def epochs_of_fit(name: str, split: TrainSplit, info: DatasetInfo) -> Callable[[], object]:
    """Keras' loop; every call trains one epoch."""
    import keras

    from scramble import layers, models

    def plain(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, layers.BatchNormalization):
            return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    model = keras.models.clone_model(models.build(name, info.image_shape, info.num_classes), clone_function=plain)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    images = (split.images[1:] / np.float32(255) - np.float32(0.5)) / np.float32(0.29)
    return lambda: model.fit(images, split.labels[1:], batch_size=BATCH_SIZE, epochs=1, verbose=0)


def compare(name: str, num_images: int, ours: Callable[[], object], peer: Callable[[], object]) -> Result:
    """Images per second of both, taking turns; the first epoch of each, with its tracing, does not count."""
    seconds: dict[Callable[[], object], list[float]] = {ours: [], peer: []}
    for _ in range(EPOCHS + 1):
        for epoch, times in seconds.items():
            start = time.perf_counter()
            epoch()
            times.append(time.perf_counter() - start)
    our_speed, peer_speed = (num_images / statistics.median(times[1:]) for times in seconds.values())
    return {
        "name": name,
        "ours": round(our_speed),
        "peer": round(peer_speed),
        "ratio": round(our_speed / peer_speed, 3),
        "unit": "images/s",
    }


if __name__ == "__main__":
    main()
