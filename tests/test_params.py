"""params.yaml: what is possible is read, what is not is refused by its key, in one or two lines."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scramble import params
from scramble.errors import UserError

ROOT = Path(__file__).parent.parent
Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    """The root study without its search, which names models and permutations of the grid."""
    return copy.deepcopy(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))) | {"tune": {"trials": 0}}


def load(document: Any, folder: Path) -> params.Study:
    path = folder / "params.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return params.load(path)


def put(*keys: str, value: Any) -> Callable[[Document], None]:
    """A change of a document: sets the value under nested keys."""

    def change(document: Document) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


RECIPE = {"optimizer": "adam", "learning_rate": 0.001, "epochs": 1}
MISTAKES = {
    "top level key": (put("sed", value=1), ["unknown parameter 'sed'", "did you mean 'seed'"]),
    "nested key": (put("models", "mlp", "recipe", "epoch", value=1), ["models.mlp.recipe", "did you mean 'epochs'"]),
    "model option": (put("models", "mlp", "options", "unit", value=[8]), ["models.mlp", "did you mean 'units'"]),
    "option of another model": (put("models", "lenet5", "options", value={"units": [8]}), ["models.lenet5", "'units'"]),
    "dataset": (put("dataset", "name", value="mnits"), ["dataset", "did you mean 'mnist'", "fashion_mnist"]),
    "architecture": (put("models", "mlp", "architecture", value="lenet"), ["models.mlp", "did you mean 'lenet5'"]),
    "family": (put("permutations", "pixels", value={"family": "tile"}), ["permutations.pixels", "'tiles'"]),
    "model of the grid": (put("grid", "models", value=["resnet"]), ["grid.models", "did you mean 'resnet20'"]),
    "permutation of the grid": (put("grid", "permutations", value=["pixel"]), ["grid.permutations", "'pixels'"]),
    "missing strength": (
        put("permutations", "pixels", value={"family": "tiles"}),
        ["permutations.pixels.size", "missing"],
    ),
    "tile size": (
        put("permutations", "pixels", value={"family": "tiles", "size": 5}),
        ["permutations.pixels", "size 5", "32x32"],
    ),
    "image too small": (
        put("models", "alexnet", "architecture", value="alexnet"),
        ["models.alexnet", "67x67", "32x32", "alexnet_small"],
    ),
    "batch and replicas": (
        put("compute", value={"strategy": "mirrored", "devices": 3, "threads": 1}),
        ["batch_size 32", "3 replicas", "compute.devices"],
    ),
    "batch and workers": (
        put("compute", value={"strategy": "multi_worker", "devices": 2, "workers": 3}),
        ["batch_size 32", "6 replicas", "compute.workers"],
    ),
    "workers of one process": (
        put("compute", value={"strategy": "mirrored", "devices": 2, "workers": 2}),
        ["mirrored", "workers is 2", "multi_worker"],
    ),
    "cutout": (
        put("models", "mlp", "recipe", "augmentation", value={"cutout": 33}),
        ["models.mlp.recipe.augmentation.cutout 33", "32x32"],
    ),
    "no partner": (
        put("models", "mlp", "recipe", value={**RECIPE, "batch_size": 1, "augmentation": {"mixup": 0.2}}),
        ["batch_size 1", "mixup", "2 or more"],
    ),
    "a moving average that stands still": (put("models", "mlp", "recipe", "ema_decay", value=1), ["ema_decay", "1"]),
    "precision": (put("models", "mlp", "recipe", "precision", value="half"), ["precision", "'half'", "mixed_bfloat16"]),
    "a cluster of one": (put("compute", value={"strategy": "multi_worker"}), ["workers is 1", "mirrored"]),
    "devices of one device": (put("compute", "devices", value=2), ["one_device", "devices is 2", "mirrored"]),
    "batch and train_limit": (put("dataset", "train_limit", value=20), ["batch_size 32", "train_limit 20"]),
    "warm-up": (put("models", "mlp", "recipe", "warmup_epochs", value=30), ["warmup_epochs 30", "epochs 30"]),
    "adam with decay": (put("models", "mlp", "recipe", "weight_decay", value=0.1), ["weight_decay is 0.1", "adamw"]),
    "zero epochs": (put("models", "mlp", "recipe", "epochs", value=0), ["models.mlp.recipe.epochs", "received 0"]),
    "negative seed": (put("seed", value=-1), ["seed", "received -1"]),
    "a word for a number": (put("replicates", value="three"), ["replicates", "received 'three'"]),
    "shift too far": (put("dataset", "max_shift", value=7), ["dataset.max_shift", "received 7"]),
    "trials": (put("tune", "trials", value=5), ["tune.trials is 5", "tune.space names no model"]),
    "a log's name": (lambda document: document["models"].update(search=document["models"]["mlp"]), ["models.search"]),
    "infinity": (put("models", "mlp", "recipe", "learning_rate", value=float("inf")), ["learning_rate", "finite"]),
    "seed of 32 bits": (put("permutations", "pixels", "seed", value=2**31), ["pixels.seed", "received 2147483648"]),
    "twice in the grid": (
        put("grid", "permutations", value=["pixels"] * 2),
        ["grid.permutations", "named 2 times"],
    ),
    "test_limit": (put("dataset", "test_limit", value=5), ["dataset.test_limit 5", "10 classes"]),
    "no report": (lambda document: document.pop("report"), ["report: is missing"]),
    "no margin": (put("report", value={}), ["report.equivalence_margin: is missing"]),
    "a margin of nothing": (put("report", "equivalence_margin", value=0), ["report.equivalence_margin", "received 0"]),
    "a margin in percent": (put("report", "equivalence_margin", value=1), ["report.equivalence_margin", "received 1"]),
    "no tune": (lambda document: document.pop("tune"), ["tune: is missing"]),
    "optimizer": (
        put("models", "mlp", "recipe", "optimizer", value="adma"),
        ["optimizer", "did you mean 'adam'"],
    ),
    "no dataset name": (put("dataset", value={"seed": 1}), ["dataset: name is missing"]),
    "no family": (put("permutations", "pixels", value={"seed": 1}), ["permutations.pixels: family is missing"]),
    "a word for keys": (
        put("models", "mlp", "recipe", value="fast"),
        ["models.mlp.recipe: keys with values"],
    ),
    "a word for a list": (put("grid", "models", value="mlp"), ["grid.models: a list was expected"]),
    "an empty list": (put("grid", "models", value=[]), ["grid.models: at least one"]),
    "upper case": (put("study", value="Digits"), ["study: lower-case letters"]),
    "study name": (put("study", value="../elsewhere"), ["study", "received '../elsewhere'"]),
    "model name": (put("models", "a/b", value={}), ["models"]),
    "no params at all": (lambda document: document.clear(), ["is missing"]),
}


@pytest.mark.parametrize("text", ["", "[1, 2]", "text"])
def test_what_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="keys with values were expected"):
        load(text, tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_by_its_key(mistake: str, document: Document, tmp_path: Path) -> None:
    change, expected = MISTAKES[mistake]
    change(document)
    with pytest.raises(UserError) as refusal:
        load(document, tmp_path)
    message = str(refusal.value)
    assert all(part in message for part in expected), message
    assert "params.yaml" in message
    assert message.count("\n") == 0


def test_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml is not YAML"):
        load("a: [1", tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml does not exist"):
        params.load(tmp_path / "nowhere.yaml")


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "picture.yaml"):
        with pytest.raises(UserError, match="cannot be read as text"):
            params.load(path)


def test_unused_definitions_may_not_fit_the_images(document: Document, tmp_path: Path) -> None:
    put("permutations", "tiles5", value={"family": "tiles", "size": 5})(document)
    assert load(document, tmp_path).permutations["tiles5"].seed == 0


def test_every_key_is_frozen(document: Document, tmp_path: Path) -> None:
    study = load(document, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("grid", "natural", "headline"),
    [
        (["identity", "pixels", "rows"], "identity", "pixels"),
        (["rows", "identity", "again"], "identity", "again"),
        (["rows", "columns"], None, "columns"),
        (["identity"], "identity", None),
    ],
)
def test_what_the_answer_compares(
    document: Document, tmp_path: Path, grid: list[str], natural: str | None, headline: str | None
) -> None:
    document["permutations"] |= {"again": {"family": "identity"}}
    document["permutations"] |= {family: {"family": family} for family in ("rows", "columns")}
    document["grid"]["permutations"] = grid
    study = load(document, tmp_path)
    assert (study.natural, study.headline) == (natural, headline)
    assert study.scrambled == tuple(name for name in grid if name != natural)


def test_a_key_that_is_no_word_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("\nseed: 1\n", "\nseed: {{ seed }}\n")
    line = text.splitlines().index("seed: {{ seed }}") + 1
    with pytest.raises(UserError, match=rf"params\.yaml is not YAML: .* in line {line}$"):
        load(text, tmp_path)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("\nseed: 1\n", "\nseed: 1\nseed: 2\n")
    first = text.splitlines().index("seed: 1") + 1
    with pytest.raises(UserError, match=rf"params\.yaml: seed is given twice, in lines {first} and {first + 1}"):
        load(text, tmp_path)
