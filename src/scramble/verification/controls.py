"""Experiments whose outcome is known beforehand, with the data and the models of a study, in a process of their own."""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts, metrics, params, permutations, processes, quiet
from scramble.artifacts import DatasetInfo, Split, SplitInfo, TrainSplit
from scramble.paths import StudyPaths
from scramble.permutations import FixedPermutation
from scramble.verdicts import Control, control_files

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from scramble.training import Trainer

MAX_IMAGES, MAX_EPOCHS = 2000, 2
QUANTILE = 3.2905
"""Of the normal distribution: 99.9 % lie this many standard deviations around the mean."""
BATCH = 500


@dataclass(frozen=True)
class Laboratory:
    """A study's data, its training part cut down, and one device."""

    study: params.Study
    info: DatasetInfo
    train_split: TrainSplit
    test_split: Split
    strategy: "tf.distribute.Strategy"

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.study.study)

    def architecture(self, model: str) -> str:
        """As it was trained under the first permutation, as all that the controls take of a model."""
        return self.paths.trained_architecture(model, self.study.grid.permutations[0]).read_text(encoding="utf-8")

    def trainer(self, model: str, architecture: str) -> "Trainer":
        """Of `architecture`, for an epoch or two by the recipe of `model`."""
        from scramble.training import Trainer

        recipe_file = self.paths.recipe_file(model, self.study.grid.permutations[0])
        recipe = params.Recipe.model_validate(artifacts.read_json(recipe_file))
        shortened = {
            "epochs": min(recipe.epochs, MAX_EPOCHS),
            "batch_size": min(recipe.batch_size, self.info.splits["train"].count),
            "warmup_epochs": 0,
            "early_stopping": None,
        }
        recipe = params.Recipe.model_validate(recipe.model_dump() | shortened)
        return Trainer(architecture, recipe, self.info, self.strategy)

    def train(self, trainer: "Trainer", split: TrainSplit, permutation: FixedPermutation, replicate: int = 0) -> None:
        """Leaves `trainer.model` with the weights of a new training."""
        from scramble.training import prepare

        for _ in trainer.train(prepare(split, permutation, trainer.recipe), (self.study.seed, replicate)):
            pass

    def logits(self, network: "keras.Model", images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, height, width, channels) -> (n, classes)"""
        import tensorflow as tf

        from scramble.inputs import Normaliser
        from scramble.layers import main_logits

        normalise = Normaliser(self.info.mean, self.info.std)
        batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
        logits = [tf.cast(main_logits(network(normalise(batch))), tf.float32) for batch in batches]
        return tf.concat(logits, axis=0).numpy()


def run(study: params.Study) -> Iterator[Control]:
    """Yields the outcome of control after control, in the order of `CONTROLS`.

    Raises:
        UserError: the study's trainings are not finished.
    """
    for path in sorted(control_files(study)):
        artifacts.require(Path(path))
    yield from processes.run(partial(_measure, study), range(len(CONTROLS)), workers=1)


def _measure(study: params.Study, share: list[int], send: processes.Send) -> None:
    quiet.import_tensorflow()
    from scramble import distribution

    paths = StudyPaths(study.study)
    strategy = distribution.configure(params.Compute(threads=study.compute.threads))
    info = artifacts.read_dataset_info(paths.dataset)
    train_split, info = cut_down(artifacts.read_train_split(paths.train_split), info)
    laboratory = Laboratory(study, info, train_split, artifacts.read_test_split(paths.test_split), strategy)
    for number in share:
        send([*CONTROLS.values()][number](laboratory))


def cut_down(split: TrainSplit, info: DatasetInfo) -> tuple[TrainSplit, DatasetInfo]:
    """At most MAX_IMAGES of the training images, spread evenly over the split; validation keeps its share."""
    learned = np.setdiff1d(np.arange(len(split.labels)), split.validation)
    share = min(1.0, MAX_IMAGES / len(split.labels))
    kept = [_spread(positions, math.ceil(share * len(positions))) for positions in (learned, split.validation)]
    chosen = np.sort(np.concatenate(kept))[:MAX_IMAGES]
    validation = np.flatnonzero(np.isin(chosen, split.validation)).astype(np.int32)
    count = SplitInfo(count=len(chosen) - len(validation), per_class=())
    smaller = TrainSplit(images=split.images[chosen], labels=split.labels[chosen], validation=validation)
    return smaller, info.model_copy(update={"splits": info.splits | {"train": count}})


def _spread(positions: NDArray[Any], count: int) -> NDArray[Any]:
    return positions[np.linspace(0, len(positions) - 1, count).round().astype(int)]


# --- the controls ----------------------------------------------------------------------------------------------


def inverse_permutation(laboratory: Laboratory) -> Control:
    """Permuted images behind a layer that undoes the permutation train a network to the same bits as natural ones.

    This holds for any network. A convolutional one is taken where there is one: only there do neighbours matter.
    """
    from scramble.verification.reorder import reordered_first

    study = laboratory.study
    convolutional = (name for name in study.grid.models if '"Conv2D"' in laboratory.architecture(name))
    model = next(convolutional, study.grid.models[0])
    architecture = laboratory.architecture(model)
    index = permutations.draw(params.Plain(family="pixels"), laboratory.info.image_shape, replicate=0)
    natural = laboratory.trainer(model, architecture)
    restored = laboratory.trainer(model, reordered_first(architecture, permutations.invert(index)))
    laboratory.train(natural, laboratory.train_split, _identity(laboratory))
    laboratory.train(restored, laboratory.train_split, FixedPermutation(index))
    expected, measured = _digest(natural.model), _digest(restored.model)
    return Control(
        name=f"inverse permutation, {model}",
        expected=f"weights of natural training, SHA-256 {expected[:16]}",
        measured=f"SHA-256 {measured[:16]}",
        passed=measured == expected,
    )


def permuted_rows(laboratory: Laboratory) -> Control:
    """A fully connected network whose first rows are permuted says to permuted images what it says to natural ones."""
    import tensorflow as tf

    from scramble.layers import model_from_json

    study, images = laboratory.study, laboratory.test_split.images[:MAX_IMAGES]
    model = next((name for name in study.grid.models if study.models[name].architecture == "mlp"), None)
    if model is None:
        return Control(name="permuted rows", expected="-", measured="no model of the grid is an mlp", passed=None)
    index = permutations.draw(params.Plain(family="pixels"), laboratory.info.image_shape, replicate=0)
    with tf.device("/cpu:0"):  # a GPU may round the factors of matrix products to ten bits
        network = model_from_json(laboratory.architecture(model))
        network.load_weights(laboratory.paths.weights(model, study.grid.permutations[0], 0))
        natural = laboratory.logits(network, images)
        kernel, *others = network.get_weights()
        network.set_weights([kernel[index], *others])
        permuted = laboratory.logits(network, FixedPermutation(index).apply(images, split="test"))
    apart = float(np.abs(natural - permuted).max() / np.abs(natural).max())
    return Control(
        name=f"permuted rows, {model}",
        expected="logits at most 1e-05 of the largest apart",
        measured=f"{apart:.1e}",
        passed=apart <= 1e-5,
    )


def random_labels(laboratory: Laboratory) -> Control:
    """A network that learned random labels is right about test images by chance alone.

    It gives similar images the same answer, so its answers are no independent draws, and the binomial interval is
    several times too narrow. What random labels do make exchangeable are the names of the classes: which predicted
    class stands for which actual one is drawn at random from all matchings. Mean and variance of the number of right
    answers over the matchings are those of Hoeffding 1951 (A combinatorial central limit theorem, theorem 2); for
    answers that do not depend on the images, the variance is the binomial one.
    """
    model, labels = laboratory.study.grid.models[0], laboratory.test_split.labels
    num_classes = laboratory.info.num_classes
    trainer = laboratory.trainer(model, laboratory.architecture(model))
    right, variance = 0.0, 0.0
    # As many networks as it takes for one that knows the labels to lie twice as far out as chance may.
    runs = max(4, math.ceil((2 * QUANTILE / (num_classes - 1)) ** 2))
    for replicate in range(runs):
        split = _with_random_labels(laboratory.train_split, num_classes, (laboratory.study.seed, replicate))
        laboratory.train(trainer, split, _identity(laboratory), replicate)
        counts = metrics.confusion_counts(laboratory.logits(trainer.model, laboratory.test_split.images), labels)
        right += np.trace(counts)
        variance += variance_over_matchings(counts)
    answers = runs * len(labels)
    error, chance, margin = 1 - right / answers, 1 - 1 / num_classes, QUANTILE * math.sqrt(variance) / answers
    return Control(
        name=f"random labels, {model}",
        expected=f"test error {chance:.2%} ± {margin:.2%}",
        measured=f"{error:.2%}",
        passed=abs(error - chance) <= margin,
    )


CONTROLS: dict[str, Callable[[Laboratory], Control]] = {
    "inverse permutation": inverse_permutation,
    "permuted rows": permuted_rows,
    "random labels": random_labels,
}


def _with_random_labels(split: TrainSplit, num_classes: int, seeds: tuple[int, int]) -> TrainSplit:
    """Every class equally often, whatever the images show: a more frequent one would be predicted more often."""
    labels = np.arange(len(split.labels), dtype=np.int32) % num_classes
    return split.model_copy(update={"labels": np.random.default_rng(seeds).permutation(labels)})


def variance_over_matchings(counts: NDArray[np.integer]) -> float:
    """Of the sum of counts[actual, predicted] over a random matching of actual to predicted classes."""
    centred = counts - counts.mean(axis=0) - counts.mean(axis=1, keepdims=True) + counts.mean()
    return float(np.square(centred).sum() / (len(counts) - 1))


def _identity(laboratory: Laboratory) -> FixedPermutation:
    return FixedPermutation(permutations.positions(laboratory.info.image_shape).reshape(-1))


def _digest(network: "keras.Model") -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in network.get_weights())).hexdigest()
