"""The same training in our loop, in `keras.Model.fit` and in PyTorch's eager mode.

Every one trains the network with plain SGD on the same noise, in batches of 128 in a new order each epoch, counts loss
and right answers, and calls `wait` after each epoch.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.turns import Wait
from scramble import params, quiet
from scramble.artifacts import DatasetInfo, SplitInfo, TrainSplit
from scramble.permutations import FixedPermutation, Permutation, draw

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

BATCH_SIZE = 128
LEARNING_RATE = 0.01
NUM_CLASSES = 10
ENDLESS = 1_000_000
"""Epochs; a contestant is ended from outside."""
MEAN, STD = 0.5, 0.29
"""Of the noise, in pixels scaled to 0..1."""


class Network(NamedTuple):
    architecture: str
    image_shape: params.ImageShape
    num_images: int
    """Of an epoch of a second or so; whole batches."""
    options: dict[str, Any]


NETWORKS = {
    "mlp": Network("mlp", (28, 28, 1), 200 * BATCH_SIZE, {"units": (300, 100)}),
    "lenet5": Network("lenet5", (28, 28, 1), 80 * BATCH_SIZE, {}),
    "resnet20": Network("resnet20", (32, 32, 3), 5 * BATCH_SIZE, {}),
}


class Noise(NamedTuple):
    """A made-up dataset, as the stages before `train` would leave it."""

    split: TrainSplit
    info: DatasetInfo


def noise(network: Network) -> Noise:
    """As many random images as make an epoch of the network, and one for validation."""
    count = network.num_images
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count + 1, *network.image_shape), dtype=np.uint8)
    labels = random.integers(0, NUM_CLASSES, count + 1).astype(np.int32)
    channels = network.image_shape[2]
    info = DatasetInfo(
        name="noise",
        image_shape=network.image_shape,
        class_names=tuple(map(str, range(NUM_CLASSES))),
        splits={"train": SplitInfo(count=count, per_class=())},
        mean=(MEAN,) * channels,
        std=(STD,) * channels,
        digest="",
        duplicates=0,
        source="",
        licence="",
    )
    return Noise(TrainSplit(images=images, labels=labels, validation=np.array([count], np.int32)), info)


def normalised(network: Network) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The training part as a peer likes it best: float32 images (n, height, width, channels), and labels (n,)."""
    split, _ = noise(network)
    images = split.images[:-1].astype(np.float32) / np.float32(255)
    return (images - np.float32(MEAN)) / np.float32(STD), split.labels[:-1]


def configure(threads: int) -> "tf.distribute.Strategy":
    """Imports TensorFlow and pins its threads, as a training process of ours does."""
    quiet.import_tensorflow()
    from scramble import distribution

    return distribution.configure(params.Compute(threads=threads))


def configure_plainly(threads: int) -> None:
    """Imports TensorFlow with its own defaults for a machine with so many cores, on which `fit` is fastest."""
    quiet.import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def build(network: Network) -> "keras.Model":
    from scramble import models

    return models.build(network.architecture, network.image_shape, NUM_CLASSES, **network.options)


def recipe(**fields: Any) -> params.Recipe:
    plain = {"optimizer": "sgd", "momentum": 0, "learning_rate": LEARNING_RATE}
    return params.Recipe.model_validate(plain | {"batch_size": BATCH_SIZE, "epochs": ENDLESS} | fields)


def by_loop(wait: Wait, network: Network, threads: int, precision: str = "float32") -> None:
    """Our loop."""
    strategy = configure(threads)
    for _ in Loop(network, recipe(precision=precision), strategy).epochs():
        wait()


class Loop:
    """Our trainer with data of its own."""

    def __init__(self, network: Network, recipe: params.Recipe, strategy: "tf.distribute.Strategy") -> None:
        from scramble.training import Trainer

        self.network = network
        self.recipe = recipe
        self.noise = noise(network)
        self.trainer = Trainer(build(network).to_json(), recipe, self.noise.info, strategy)

    def epochs(self, permutation: Permutation | None = None) -> Iterator[object]:
        """Trains an epoch at every step, on permuted or natural images."""
        from scramble.training import prepare

        if permutation is None:
            permutation = FixedPermutation(draw(params.Plain(family="identity"), self.network.image_shape, replicate=0))
        return self.trainer.train(prepare(self.noise.split, permutation, self.recipe), (0, 0))


def by_fit(wait: Wait, network: Network, threads: int, precision: str = "float32") -> None:
    """`keras.Model.fit` on NumPy arrays, with Keras' own batch normalisation and its own loss."""
    configure_plainly(threads)
    import keras

    model = plain_keras(network, precision)
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, labels = normalised(network)
    after_epoch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: wait())
    model.fit(images, labels, batch_size=BATCH_SIZE, epochs=ENDLESS, verbose=0, callbacks=[after_epoch])


def plain_keras(network: Network, precision: str) -> "keras.Model":
    """The network as anyone would write it: stock layers where we have faster ones of our own."""
    import keras

    from scramble import layers

    def plain(layer: keras.Layer) -> keras.Layer:
        stock = keras.layers.BatchNormalization if isinstance(layer, layers.BatchNormalization) else type(layer)
        return stock.from_config(layer.get_config())

    return keras.models.clone_model(layers.model_from_json(build(network).to_json(), precision), clone_function=plain)


def by_pytorch(wait: Wait, network: Network, threads: int, memory_format: str) -> None:
    """PyTorch's eager mode on resident tensors, laid out as contiguous_format (NCHW) or channels_last (NHWC)."""
    import torch

    from benchmarks import torch_networks

    torch.set_num_threads(threads)
    layout = getattr(torch, memory_format)
    model = torch_networks.NETWORKS[network.architecture]().to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    criterion = torch.nn.CrossEntropyLoss()
    arrays = normalised(network)
    images = torch.from_numpy(arrays[0]).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    labels = torch.from_numpy(arrays[1]).long()
    while True:
        loss, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)
        for rows in torch.randperm(len(labels)).split(BATCH_SIZE):
            x, y = images[rows].contiguous(memory_format=layout), labels[rows]
            optimizer.zero_grad()
            logits = model(x)
            batch_loss = criterion(logits, y)
            batch_loss.backward()
            optimizer.step()
            loss += batch_loss.detach()
            correct += (logits.argmax(dim=1) == y).sum()
        wait()
