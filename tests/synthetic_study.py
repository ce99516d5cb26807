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
    searched: tuple[str, ...] = (),
) -> params.Study:
    """Writes the artifacts of the study into the working directory; `searched` are models with a search."""
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
        _write_permutation(paths.permutation(permutation), study.permutations[permutation].family, picture)
    for model in study.grid.models:
        _write_model(study, model, labels, len(class_names), random)
        _write_examples(study, model, image_shape, len(class_names))
        for permutation in study.grid.permutations:
            _write_search(paths.search(model, permutation), model in searched)
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


def _write_permutation(folder: Path, family: str, picture: Image.Image) -> None:
    folder.mkdir(parents=True)
    picture.save(folder / "before_after.png")
    kept = 1.0 if family in CNN_PRICE else 0.0025
    structure = {
        "neighbour_pairs_kept": {"replicates": [kept, kept], "mean": kept},
        "mean_displacement": {"replicates": [14.5, 14.7], "mean": 14.6},
        "morans_i": {"before": 0.81, "after": None},
    }
    write_json(folder / "structure.json", structure)


def _write_model(study: params.Study, model: str, labels: np.ndarray, num_classes: int, random: Any) -> None:
    paths = StudyPaths(study.study)
    paths.predictions(model).mkdir(parents=True)
    rows = []
    for permutation in study.grid.permutations:
        family = study.permutations[permutation].family
        margin = 4.2 if model == "mlp" else 5.4 - CNN_PRICE.get(family, 1.6)
        logits = random.normal(size=(study.replicates, len(labels), num_classes)).astype(np.float32)
        shifts = random.normal(margin, 0.15, (study.replicates, 1))
        logits[:, np.arange(len(labels)), labels] += shifts
        np.save(paths.predictions(model) / f"{permutation}.npy", logits)
        rows += metrics.per_run_rows(model, permutation, logits, labels)
        _write_training(study, model, permutation, random)
    write_table(paths.predictions(model) / "metrics.csv", rows)
    errors = np.array([row["top1_error"] for row in rows]).reshape(-1, study.replicates)
    np.save(paths.predictions(model) / "transfer.npy", transfer(errors, num_classes))
    paths.model(model).mkdir(parents=True, exist_ok=True)
    write_json(paths.ledger(model), LEDGER)


def predict(study: params.Study, model: str, logits: dict[str, np.ndarray]) -> None:
    """Gives a model other logits (replicates, images, classes) under some permutations, and the metrics of them."""
    folder = StudyPaths(study.study).predictions(model)
    labels = np.load(StudyPaths(study.study).test_split / "labels.npy")
    for permutation, values in logits.items():
        np.save(folder / f"{permutation}.npy", values.astype(np.float32))
    rows = []
    for permutation in study.grid.permutations:
        rows += metrics.per_run_rows(model, permutation, np.load(folder / f"{permutation}.npy"), labels)
    write_table(folder / "metrics.csv", rows)


def logits_of(errors: np.ndarray, labels: np.ndarray, num_classes: int = 10) -> np.ndarray:
    """Logits (replicates, images, classes) of networks that are wrong where `errors` (replicates, images) is 1."""
    answers = (labels + errors) % num_classes
    return 4.0 * np.eye(num_classes)[answers]


def transfer(errors: np.ndarray, num_classes: int) -> np.ndarray:
    """(trained on, tested on, replicates) from errors (permutations, replicates): guessing off the diagonal."""
    matrix = np.full((len(errors), *errors.shape), 1 - 1 / num_classes)
    matrix[np.arange(len(errors)), np.arange(len(errors))] = errors
    return matrix


def _write_examples(study: params.Study, model: str, image_shape: tuple[int, int, int], num_classes: int) -> None:
    """Mistakes of every permutation and, of a network that convolves, views of the two that it is shown under."""
    folder, random = StudyPaths(study.study).predictions(model), np.random.default_rng(1)
    (folder / "mistakes").mkdir()
    for permutation in study.grid.permutations:
        np.savez(folder / "mistakes" / f"{permutation}.npz", **_mistakes(random, image_shape, num_classes))
    seen = [] if model == "mlp" else [name for name in (study.natural, study.headline) if name is not None]
    for permutation in seen:
        (folder / "views").mkdir(exist_ok=True)
        np.savez(folder / "views" / f"{permutation}.npz", **_view(random, image_shape, num_classes))
    numbers = {"filters_morans_i": 0.21, "untrained_filters_morans_i": -0.04, "attention_similarity": 0.12}
    write_json(folder / "views.json", {"permutations": {name: numbers for name in seen}})


def _pictures(random: Any, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
    return random.integers(0, 256, (count, *image_shape), np.uint8)


def _mistakes(random: Any, image_shape: tuple[int, int, int], num_classes: int, count: int = 8) -> dict[str, Any]:
    actual = random.integers(num_classes, size=count)
    return {
        "images": _pictures(random, count, image_shape),
        "actual": actual,
        "predicted": (actual + 1) % num_classes,
        "confidence": np.linspace(0.99, 0.6, count),
        "replicate": np.zeros(count, np.int64),
    }


def _view(random: Any, image_shape: tuple[int, int, int], num_classes: int, count: int = 4) -> dict[str, Any]:
    height, width, channels = image_shape
    labels = random.integers(num_classes, size=count)
    return {
        "pictures": _pictures(random, count, image_shape),
        "inputs": _pictures(random, count, image_shape),
        "labels": labels,
        "predicted": labels,
        "filters": random.normal(size=(5, 5, channels, 6)).astype(np.float32),
        "feature_maps": random.normal(size=(count, height - 4, width - 4, 6)).astype(np.float32),
        "attention": random.random((count, height, width)).astype(np.float32),
        "attention_random": random.random((count, height, width)).astype(np.float32),
    }


def _write_search(folder: Path, searched: bool) -> None:
    folder.mkdir(parents=True)
    if not searched:
        write_json(folder / "search.json", {"searched": False})
        return
    scores = [0.2, 0.14, 0.17, 0.1, float("nan"), 0.12]
    rows = [
        {
            "trial": number,
            "score": score,
            "best_so_far": float(np.nanmin(scores[: number + 1])),
            "epochs": 4,
            "status": "diverged" if np.isnan(score) else "completed",
            "learning_rate": 0.001 * 2**number,
            "label_smoothing": 0.1 * (number % 2),
        }
        for number, score in enumerate(scores)
    ]
    write_table(folder / "trials.csv", rows)
    write_json(
        folder / "search.json",
        {
            "searched": True,
            "algorithm": "random",
            "objective": "validation error",
            "trials": len(rows),
            "epochs": 4,
            "replicates": 1,
            "order": "serial",
            "order_matters": False,
            "space": {"learning_rate": "0.001 to 0.1, logarithmic", "label_smoothing": "0 or 0.1"},
            "best": {"trial": 3, "score": 0.1, "values": {"learning_rate": 0.008, "label_smoothing": 0.1}},
            "fresh": {"scores": [0.11, 0.12, 0.13]},
        },
    )


def _write_training(study: params.Study, model: str, permutation: str, random: Any) -> None:
    paths = StudyPaths(study.study)
    paths.recipe(model, permutation).mkdir(parents=True)
    write_json(paths.recipe_file(model, permutation), study.models[model].recipe)
    write_json(paths.options_file(model, permutation), study.models[model].options)
    write_json(paths.trained_architecture(model, permutation), {"class_name": "Functional"})
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
