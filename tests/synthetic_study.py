"""A finished study without the training: small seeded artifacts where the stages before `report` would leave them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scramble import metrics, params, verdicts
from scramble.artifacts import DatasetInfo, SplitInfo, write_json, write_table
from scramble.paths import StudyPaths

RECIPE = {"optimizer": "adam", "learning_rate": 0.002, "schedule": "cosine", "batch_size": 32, "epochs": 6}
CNN_PRICE = {"identity": 0.0, "flip": 0.0, "transpose": 0.0}
"""How much a family takes from the margin of a network that looks at neighbours; 1.6 where it is not listed."""


def _layer(name: str, kind: str, depth: int, **counted: Any) -> dict[str, Any]:
    nothing = {"kernel_size": None, "strides": None, "padding": None, "receptive_field": None}
    counts = {"parameters": 0, "connections": 0, "macs": 0}
    return {
        "name": name,
        "kind": kind,
        "output_shape": [4],
        "depth": depth,
        "auxiliary": False,
        **nothing,
        **counts,
        **counted,
    }


LEDGER = {
    "trainable_parameters": 61_706,
    "total_parameters": 61_738,
    "parameters_in": {"convolution": 2_572, "dense": 59_102, "normalisation": 32, "other": 0},
    "dense_share": 0.958,
    "macs": 416_520,
    "activation_bytes": 38_424,
    "connections": 423_000,
    "sharing_factor": 6.8551,
    "receptive_field": [14, 6],
    "depth": 3,
    "first_layer": {
        "units": 4_704,
        "parameters": 156,
        "dense_weights_per_unit": 784,
        "dense_parameters": 3_692_640,
    },
    "layers": [
        _layer("c1", "Conv2D", 1, receptive_field=[5, 3]),
        _layer("s2", "MaxPooling2D", 1, receptive_field=[6, 4]),
        _layer("c3", "Conv2D", 2, receptive_field=[14, 6]),
        _layer("head", "Conv2D", 2, receptive_field=[99, 99], auxiliary=True),
        _layer("flatten", "Flatten", 2),
        _layer("logits", "Dense", 3),
    ],
}
"""The contents of a ledger.json."""


def document(
    models: tuple[str, ...] = ("mlp", "lenet5"),
    permutations: dict[str, dict[str, Any]] | None = None,
    replicates: int = 3,
    **others: Any,
) -> dict[str, Any]:
    """The params.yaml of a study over `models` (names of architectures) and `permutations`."""
    permutations = permutations or {"identity": {"family": "identity"}, "pixels": {"family": "pixels"}}
    return {
        "study": "synthetic",
        "root": ".",
        "params": "params.yaml",
        "seed": 1,
        "replicates": replicates,
        "dataset": {"name": "idx", "folder": "given"},
        "permutations": permutations,
        "models": {name: {"architecture": name, "recipe": RECIPE} for name in models},
        "grid": {"models": list(models), "permutations": list(permutations)},
        "tune": {"trials": 0},
        "compute": {"threads": 1},
        "report": {"equivalence_margin": 0.01},
        **others,
    }


def write(
    description: dict[str, Any],
    image_shape: tuple[int, int, int] = (28, 28, 1),
    class_names: tuple[str, ...] = tuple("0123456789"),
    num_test: int = 300,
    labels: np.ndarray | None = None,
) -> params.Study:
    """Writes the artifacts of the study into the working directory."""
    study = params.Study.model_validate(description)
    paths = StudyPaths(study.study)
    random = np.random.default_rng(0)
    if labels is None:
        labels = random.integers(len(class_names), size=num_test).astype(np.int32)
    paths.test_split.mkdir(parents=True)
    np.save(paths.test_split / "labels.npy", labels)
    write_json(paths.dataset, _info(image_shape, class_names, labels))
    picture = Image.fromarray(random.integers(0, 256, image_shape, np.uint8).squeeze())
    picture.save(paths.samples)
    for permutation in study.grid.permutations:
        _write_permutation(paths.permutation(permutation), picture)
    for model in study.grid.models:
        _write_model(study, model, labels, len(class_names), random)
    verdicts.save(study, verdicts.Document(study=study.study))
    return study


def _info(image_shape: tuple[int, int, int], class_names: tuple[str, ...], labels: np.ndarray) -> DatasetInfo:
    counts = tuple(int(count) for count in np.bincount(labels, minlength=len(class_names)))
    split = SplitInfo(count=len(labels), per_class=counts)
    return DatasetInfo(
        name="idx",
        image_shape=image_shape,
        class_names=class_names,
        splits={"train": split, "validation": split, "test": split},
        mean=(0.1307,) * image_shape[2],
        std=(0.3081,) * image_shape[2],
        digest="ab" * 32,
        duplicates=2,
        source="drawn at random for a test",
        licence="CC0",
    )


def _write_permutation(folder: Path, picture: Image.Image) -> None:
    folder.mkdir(parents=True)
    picture.save(folder / "before_after.png")
    structure = {
        "neighbour_pairs_kept": {"replicates": [0.002, 0.003], "mean": 0.0025},
        "mean_displacement": {"replicates": [14.5, 14.7], "mean": 14.6},
        "morans_i": {"before": 0.81, "after": None},
    }
    write_json(folder / "structure.json", structure)


def _write_model(study: params.Study, model: str, labels: np.ndarray, num_classes: int, random: Any) -> None:
    paths = StudyPaths(study.study)
    (paths.predictions(model) / "confusion").mkdir(parents=True)
    rows = []
    for permutation in study.grid.permutations:
        family = study.permutations[permutation].family
        margin = 4.2 if model == "mlp" else 5.4 - CNN_PRICE.get(family, 1.6)
        logits = random.normal(size=(study.replicates, len(labels), num_classes)).astype(np.float32)
        shifts = random.normal(margin, 0.15, (study.replicates, 1))
        logits[:, np.arange(len(labels)), labels] += shifts
        confusion = np.stack([metrics.confusion_counts(of_run, labels) for of_run in logits])
        np.save(paths.predictions(model) / f"{permutation}.npy", logits)
        np.save(paths.predictions(model) / "confusion" / f"{permutation}.npy", confusion)
        rows += metrics.per_run_rows(model, permutation, logits, labels)
        _write_training(study, model, permutation, random)
    write_table(paths.predictions(model) / "metrics.csv", rows)
    paths.model(model).mkdir(parents=True, exist_ok=True)
    write_json(paths.ledger(model), LEDGER)


def _write_training(study: params.Study, model: str, permutation: str, random: Any) -> None:
    paths = StudyPaths(study.study)
    paths.recipe(model, permutation).mkdir(parents=True)
    write_json(paths.recipe(model, permutation) / "recipe.json", study.models[model].recipe)
    for replicate in range(study.replicates):
        folder = paths.replicates(model, permutation) / str(replicate)
        folder.mkdir(parents=True)
        write_table(folder / "history.csv", [_epoch(epoch, random) for epoch in range(1, 7 - replicate % 2)])


def _epoch(epoch: int, random: Any) -> dict[str, float]:
    loss = 2 / epoch + 0.1 * random.random()
    return {
        "epoch": epoch,
        "learning_rate": 0.002,
        "loss": loss,
        "accuracy": 1 - 0.2 * loss,
        "validation_loss": loss + 0.1,
        "validation_accuracy": 1 - 0.25 * loss,
    }
