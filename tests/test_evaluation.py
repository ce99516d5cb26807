"""What the stage evaluate writes, for small networks with random weights; their answers are computed here once more."""

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import artifacts, metrics, params, permutations
from scramble.artifacts import DatasetInfo, Split, SplitInfo
from scramble.errors import UserError
from scramble.evaluation import Job, most_confident_mistakes
from scramble.evaluation.images import PermutedImages
from scramble.evaluation.worker import Networks
from scramble.paths import StudyPaths
from scramble.stages import evaluate

# What Keras does with NumPy when it writes weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

PATHS = StudyPaths("tiny")
NUM_IMAGES = 40
NUM_CLASSES = 7
"""Of which the last has no image."""


def study(*names: str, replicates: int = 2) -> params.Study:
    """A study of the model `net` under the permutations `names`, each the family of its name."""
    recipe = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 8, "epochs": 1}
    return params.Study.model_validate(
        {
            "study": "tiny",
            "root": ".",
            "params": "params.yaml",
            "seed": 1,
            "replicates": replicates,
            "dataset": {"name": "idx", "folder": "given"},
            "permutations": {name: {"family": name} for name in names},
            "models": {"net": {"architecture": "lenet5", "recipe": recipe}},
            "grid": {"models": ["net"], "permutations": list(names)},
            "tune": {"trials": 0},
            "compute": {"threads": 1},
            "report": {"equivalence_margin": 0.01},
        }
    )


def convolutional(keras: Any, image_shape: tuple[int, int, int], filters: int) -> Any:
    """With an auxiliary head."""
    image = keras.Input(image_shape, name="image")
    maps = keras.layers.Conv2D(filters, 3, activation="relu", name="conv")(image)
    pooled = keras.layers.MaxPooling2D(2, name="pool")(maps)
    flat = keras.layers.Flatten(name="flatten")(pooled)
    logits = keras.layers.Dense(NUM_CLASSES, name="logits")(flat)
    auxiliary = keras.layers.Dense(NUM_CLASSES, name="auxiliary")(flat)
    return keras.Model(image, [logits, auxiliary], name="net")


def fully_connected(keras: Any, image_shape: tuple[int, int, int], units: int) -> Any:
    image = keras.Input(image_shape, name="image")
    flat = keras.layers.Flatten(name="flatten")(image)
    hidden = keras.layers.Dense(units, activation="relu", name="hidden")(flat)
    return keras.Model(image, keras.layers.Dense(NUM_CLASSES, name="logits")(hidden), name="net")


def write_inputs(described: params.Study, build: Any, keras: Any, image_shape: tuple[int, int, int]) -> None:
    """What the stages before leave, with networks of other sizes for every permutation, as a search may choose."""
    random = np.random.default_rng(0)
    PATHS.test_split.mkdir(parents=True)
    labels = (np.arange(NUM_IMAGES) % (NUM_CLASSES - 1)).astype(np.int32)
    artifacts.write_array(
        PATHS.test_split / "images.npy", random.integers(0, 256, (NUM_IMAGES, *image_shape), np.uint8)
    )
    artifacts.write_array(PATHS.test_split / "labels.npy", labels)
    artifacts.write_json(PATHS.dataset, dataset_info(image_shape, labels))
    for size, name in enumerate(described.grid.permutations, start=3):
        write_permutation(described, name, image_shape)
        trained = PATHS.trained_architecture("net", name)
        trained.parent.mkdir(parents=True)
        trained.write_text(build(keras, image_shape, size).to_json(), encoding="utf-8")
        for replicate in range(described.replicates):
            weights = PATHS.weights("net", name, replicate)
            weights.parent.mkdir(parents=True)
            keras.utils.set_random_seed(10 * size + replicate)
            build(keras, image_shape, size).save_weights(weights)


def dataset_info(image_shape: tuple[int, int, int], labels: np.ndarray) -> DatasetInfo:
    split = SplitInfo(count=len(labels), per_class=tuple(np.bincount(labels, minlength=NUM_CLASSES).tolist()))
    return DatasetInfo(
        name="idx",
        image_shape=image_shape,
        class_names=tuple("abcdefg"),
        splits={"train": split, "validation": split, "test": split},
        mean=(0.5,) * image_shape[2],
        std=(0.25,) * image_shape[2],
        digest="",
        duplicates=0,
        source="",
        licence="",
    )


def write_permutation(described: params.Study, name: str, image_shape: tuple[int, int, int]) -> None:
    folder, spec = PATHS.permutation(name), described.permutations[name]
    folder.mkdir(parents=True)
    per_image = name == "per_image"
    document = {"seed": spec.seed, "per_image": per_image, "replicates": described.replicates}
    artifacts.write_json(folder / "permutation.json", document)
    if not per_image:
        draws = [permutations.draw(spec, image_shape, replicate) for replicate in range(described.replicates)]
        artifacts.write_array(folder / "index.npy", np.stack(draws))


def written(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


# --- a convolutional network, permuted in three ways -----------------------------------------------------------

SHAPE = (8, 8, 1)
NAMES = ("identity", "pixels", "per_image")


@pytest.fixture(scope="module")
def evaluated(tf: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of a study whose one model has been evaluated by two processes."""
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_inputs(study(*NAMES), convolutional, tf.keras, SHAPE)
        evaluate.run(study(*NAMES), "net", workers=2)
    return folder


@pytest.fixture
def predictions(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(evaluated)
    return PATHS.predictions("net")


def network(keras: Any, permutation: str, replicate: int) -> Any:
    found = keras.models.model_from_json(PATHS.trained_architecture("net", permutation).read_text(encoding="utf-8"))
    found.load_weights(PATHS.weights("net", permutation, replicate))
    return found


def answers(keras: Any, trained: str, tested: str, replicate: int) -> np.ndarray:
    """The logits (n, classes) of one network for the images permuted as `tested`."""
    images = np.load(PATHS.test_split / "images.npy")
    permuted = permutations.load(PATHS.permutation(tested), replicate).apply(images, "test")
    logits, _ = network(keras, trained, replicate)(((permuted / 255 - 0.5) / 0.25).astype(np.float32))
    return logits.numpy()


def test_every_network_answers_images_permuted_as_in_training(predictions: Path, tf: ModuleType) -> None:
    for name in NAMES:
        logits = np.load(predictions / f"{name}.npy")
        assert (logits.shape, logits.dtype) == ((2, NUM_IMAGES, NUM_CLASSES), np.float32)
        for replicate in range(2):
            np.testing.assert_allclose(logits[replicate], answers(tf.keras, name, name, replicate), atol=1e-5)


def test_the_transfer_matrix(predictions: Path, tf: ModuleType) -> None:
    """Trained on x tested on x replicates, each under the draw of its own replicate."""
    labels = np.load(PATHS.test_split / "labels.npy")
    expected = np.empty((3, 3, 2))
    for trained, tested, replicate in np.ndindex(3, 3, 2):
        logits = answers(tf.keras, NAMES[trained], NAMES[tested], replicate)
        expected[trained, tested, replicate] = np.mean(logits.argmax(axis=1) != labels)
    transfer = np.load(predictions / "transfer.npy")
    assert transfer.dtype == np.float64
    np.testing.assert_array_equal(transfer, expected)
    assert len(np.unique(transfer[:, :, 0])) > 3


def test_the_diagonal_of_transfer_is_the_error_of_metrics(predictions: Path) -> None:
    rows = artifacts.read_table(predictions / "metrics.csv")
    of_rows = np.array([float(row["top1_error"]) for row in rows]).reshape(3, 2)
    np.testing.assert_array_equal(np.load(predictions / "transfer.npy")[range(3), range(3)], of_rows)
    assert [(row["permutation"], row["replicate"]) for row in rows[1:3]] == [("identity", "1"), ("pixels", "0")]
    assert {row["class_6_error"] for row in rows} == {""}


def test_views_are_of_the_natural_and_the_headline_permutation(predictions: Path) -> None:
    numbers = json.loads((predictions / "views.json").read_text())["permutations"]
    assert list(numbers) == ["identity", "pixels"]
    assert sorted(path.name for path in (predictions / "views").iterdir()) == ["identity.npz", "pixels.npz"]
    for of_view in numbers.values():
        assert -1 < of_view["filters_morans_i"] < 1
        assert set(of_view) == {"filters_morans_i", "untrained_filters_morans_i", "attention_similarity"}


@pytest.mark.parametrize("name", ["identity", "pixels"])
def test_what_a_view_shows(predictions: Path, tf: ModuleType, name: str) -> None:
    view = read(predictions / "views" / f"{name}.npz")
    images, labels = np.load(PATHS.test_split / "images.npy"), np.load(PATHS.test_split / "labels.npy")
    np.testing.assert_array_equal(view["labels"], range(6))
    shown = [next(i for i in range(NUM_IMAGES) if np.array_equal(images[i], picture)) for picture in view["pictures"]]
    np.testing.assert_array_equal(labels[shown], view["labels"])
    permuted = permutations.load(PATHS.permutation(name), 0).apply(images, "test")[shown]
    np.testing.assert_array_equal(view["inputs"], permuted)
    logits = np.load(predictions / f"{name}.npy")[0, shown]
    np.testing.assert_array_equal(view["predicted"], logits.argmax(axis=1))
    kernel = network(tf.keras, name, 0).get_layer("conv").get_weights()[0]
    np.testing.assert_array_equal(view["filters"], kernel)
    assert view["feature_maps"].shape == (6, 6, 6, kernel.shape[-1])
    for key in ("attention", "attention_random"):
        assert (view[key].shape, view[key].dtype) == ((6, 8, 8), np.float32)
        assert view[key].min() >= 0
        assert set(view[key].max(axis=(1, 2))) <= {0, 1}
    assert not np.array_equal(view["attention"], view["attention_random"])


def test_attention_lies_on_the_picture_and_not_on_the_permuted_image(predictions: Path, tf: ModuleType) -> None:
    from scramble import explanations

    view = read(predictions / "views" / "pixels.npz")
    trained = network(tf.keras, "pixels", 0)
    inputs = tf.constant(((view["inputs"] / 255 - 0.5) / 0.25).astype(np.float32))
    on_inputs = explanations.explain(trained, explanations.anatomy(trained), inputs).attention
    index = permutations.load(PATHS.permutation("pixels"), 0).index  # type: ignore[union-attr]
    np.testing.assert_allclose(view["attention"].reshape(6, -1)[:, index], on_inputs.reshape(6, -1), atol=1e-4)


def test_mistakes_are_mistakes(predictions: Path) -> None:
    logits = np.load(predictions / "pixels.npy")
    mistakes = read(predictions / "mistakes" / "pixels.npz")
    images = np.load(PATHS.test_split / "images.npy")
    assert len(mistakes["images"]) == 12
    for picture, actual, predicted, confidence, replicate in zip(*mistakes.values(), strict=True):
        position = next(i for i in range(NUM_IMAGES) if np.array_equal(images[i], picture))
        probabilities = metrics.probabilities(logits[replicate])[position]
        assert probabilities.argmax() == predicted != actual == position % 6
        assert probabilities.max() == pytest.approx(confidence)


def test_the_number_of_workers_changes_no_byte(predictions: Path) -> None:
    before = written(predictions)
    assert len(before) == 3 + 3 + 3 + 2
    evaluate.run(study(*NAMES), "net", workers=1)
    assert written(predictions) == before


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras, before it gives up
def test_what_is_missing_or_does_not_fit_is_named(predictions: Path, tf: ModuleType) -> None:
    missing = study(*NAMES, replicates=3)
    with pytest.raises(UserError, match=r"identity/replicates/2/model\.weights\.h5 is missing"):
        evaluate.run(missing, "net")
    networks = Networks(Job(study(*NAMES), "net")).untrained("identity")
    with pytest.raises(UserError, match=r"pixels/replicates/0/model\.weights\.h5 does not fit"):
        networks.load(PATHS.weights("net", "pixels", 0))


def test_a_sample_is_spread_over_the_split(predictions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "TRANSFER_SAMPLE", 4)
    images = PermutedImages(Job(study(*NAMES), "net"))
    positions = [0, 13, 26, 39]
    np.testing.assert_array_equal(images.sample_labels, images.split.labels[positions])
    for replicate in (0, 1):
        for name in NAMES:
            expected = images.permuted(name, replicate)[positions]
            for _ in range(2):
                np.testing.assert_array_equal(images.sample(name, replicate), expected)


# --- other studies --------------------------------------------------------------------------------------------


def test_one_colour_mlp_on_natural_images(tf: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    natural = study("identity", replicates=1)
    write_inputs(natural, fully_connected, tf.keras, (5, 6, 3))
    evaluate.run(natural, "net", workers=1)
    folder = PATHS.predictions("net")
    assert set(written(folder)) == {
        *("identity.npy", "metrics.csv", "transfer.npy", "views.json", "mistakes/identity.npz"),
    }
    assert json.loads((folder / "views.json").read_text()) == {"permutations": {}}
    assert np.load(folder / "transfer.npy").shape == (1, 1, 1)
    assert read(folder / "mistakes" / "identity.npz")["images"].shape[1:] == (5, 6, 3)


@pytest.mark.parametrize("names", [("identity",), ("per_image",), ("pixels", "identity", "channels")])
def test_views_of_colour_images(
    tf: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    from scramble.evaluation.views import views

    monkeypatch.chdir(tmp_path)
    write_inputs(study(*names), convolutional, tf.keras, (6, 5, 3))
    job = Job(study(*names), "net")
    found = {view.permutation: view.arrays for view in views(job, Networks(job), PermutedImages(job))}
    assert list(found) == {3: ["identity", "pixels"]}.get(len(names), list(names))
    for arrays in found.values():
        assert arrays["attention"].shape == (6, 6, 5)
        np.testing.assert_array_equal(np.sort(arrays["inputs"], axis=None), np.sort(arrays["pictures"], axis=None))


def test_pictures_are_those_that_most_networks_know(tf: ModuleType) -> None:
    from scramble.evaluation.views import choose

    labels = np.array([2, 0, 0, 0, 2, 5])
    natural = np.array([False, True, True, True, False, False])
    permuted = np.array([False, False, False, True, True, False])
    np.testing.assert_array_equal(choose(labels, [natural, permuted]), [3, 4, 5])
    np.testing.assert_array_equal(choose(labels, [natural]), [1, 0, 5])


def test_the_most_confident_mistakes_by_hand() -> None:
    """Images of class 0 in two replicates: the second is known, the third wrong twice, the fourth has no numbers."""
    sure, surer, nan = np.log(3), np.log(9), np.nan
    logits = np.array(
        [[[0, sure], [sure, 0], [0, surer], [0, nan]], [[0, 0], [sure, 0], [0, sure], [nan, 0]]], np.float32
    )
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    split = Split(images=images, labels=np.zeros(4, np.int32))
    mistakes = most_confident_mistakes(logits, split)
    assert mistakes["images"].ravel().tolist() == [2, 0]
    np.testing.assert_allclose(mistakes["confidence"], [0.9, 0.75])
    assert mistakes["replicate"].tolist() == [0, 0]
    assert mistakes["predicted"].tolist() == [1, 1]
    assert most_confident_mistakes(logits, split, count=1)["images"].shape == (1, 1, 1, 1)
    assert most_confident_mistakes(logits[:, 1:2], Split(images=images[:1], labels=np.zeros(1, np.int32)))[
        "images"
    ].shape == (0, 1, 1, 1)
