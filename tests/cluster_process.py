"""A process of test_distribution.py: trains a tiny network by the strategy that its environment and arguments name.

After NUM_EPOCHS it writes what it has into a .npz file, and trains on until it is killed; with --stop it ends there.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from scramble import clusters, params
from scramble.artifacts import DatasetInfo, SplitInfo, TrainSplit
from scramble.errors import UserError
from scramble.permutations import FixedPermutation, draw

SHAPE = (8, 8, 1)
NUM_TRAIN, NUM_VALIDATION, NUM_EPOCHS = 90, 20, 8
RECIPE = {
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "batch_size": 16,
    "epochs": 10**6,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "keep": "best",
    "augmentation": {"max_shift": 1, "horizontal_flip": True, "cutmix": 0.5},
}
ARRAYS: dict[str, np.ndarray] = {
    "floats": np.array([[0.0, -0.0, np.inf, 1e-45]], np.float32),
    "nan with a payload": np.array([0x7FC12345, 0xFF800001], np.uint32).view(np.float32),
    "one": np.array(2**62 + 1),
    "bytes": np.arange(7, dtype=np.uint8),
    "none": np.zeros((0, 6)),
}
"""What the chief alone knows."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("strategy")
    parser.add_argument("target", type=Path)
    parser.add_argument("--stop", action="store_true")
    arguments = parser.parse_args()
    if arguments.strategy == "mirrored":
        compute = params.Compute(strategy="mirrored", devices=2)
    else:
        compute = params.Compute(strategy="multi_worker", workers=2)
    try:
        train(compute, arguments.target, arguments.stop)
    except UserError as error:
        sys.exit(f"error: {error}")


def train(compute: params.Compute, target: Path, stop: bool) -> None:
    member = clusters.member(compute)
    from scramble import distribution
    from scramble.training import Trainer, prepare

    strategy = distribution.configure(compute)
    with distribution.cluster_errors_told(strategy):
        received = distribution.broadcast(strategy, ARRAYS if member.is_chief else None)
        recipe = params.Recipe.model_validate(RECIPE)
        trainer = Trainer(network(), recipe, info(), strategy, compute)
        data = prepare(split(), FixedPermutation(draw(params.Plain(family="pixels"), SHAPE, 0)), recipe)
        for epoch in trainer.train(data, (1, 0)):
            if epoch.epoch == NUM_EPOCHS:
                write(target, trainer.state().to_arrays() | {f"received {name}": received[name] for name in received})
                if stop:
                    return


def write(target: Path, arrays: dict[str, Any]) -> None:
    partial = target.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.rename(target)


def network() -> str:
    import keras

    from scramble import layers

    inputs = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    return keras.Model(inputs, keras.layers.Dense(4, name="logits")(x)).to_json()


def split() -> TrainSplit:
    random = np.random.default_rng(0)
    count = NUM_TRAIN + NUM_VALIDATION
    return TrainSplit(
        images=random.integers(0, 256, (count, *SHAPE), dtype=np.uint8),
        labels=random.integers(0, 4, count).astype(np.int32),
        validation=np.arange(NUM_VALIDATION, dtype=np.int32),
    )


def info() -> DatasetInfo:
    return DatasetInfo(
        name="noise",
        image_shape=SHAPE,
        class_names=("a", "b", "c", "d"),
        splits={"train": SplitInfo(count=NUM_TRAIN, per_class=())},
        mean=(0.5,),
        std=(0.3,),
        digest="",
        duplicates=0,
        source="",
        licence="",
    )


if __name__ == "__main__":
    main()
