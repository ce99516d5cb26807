"""The ledger against published numbers and against numbers worked out by hand, and the stage that writes it."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scramble import artifacts, params
from scramble.errors import UserError
from scramble.stages import describe


@pytest.fixture(scope="module")
def ledger(tf: ModuleType) -> Any:
    from scramble.ledger import ledger

    return ledger


@pytest.fixture(scope="module")
def models(tf: ModuleType) -> ModuleType:
    from scramble import models

    return models


def test_alexnet_agrees_with_the_published_numbers(ledger: Any, published_alexnet: Any) -> None:
    row = ledger(published_alexnet)
    assert row.trainable_parameters == row.total_parameters == 60_965_224
    assert row.macs == 724_406_816
    assert row.receptive_field == (195, 195)
    dense = (9216 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert row.dense_share == dense / 60_965_224


def test_lenet5_counts_connections_as_its_paper_does(ledger: Any, models: ModuleType) -> None:
    row = ledger(models.build("lenet5", (32, 32, 1), 10))
    published = {"c1": 122_304, "c5": 48_120, "f6": 10_164}
    dense_c3, logits = 10 * 10 * 16 * (5 * 5 * 6 + 1), (84 + 1) * 10
    assert row.connections == sum(published.values()) + dense_c3 + logits
    assert row.sharing_factor == row.connections / 61_706
    assert row.macs == 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert row.receptive_field == (16, 16)
    assert row.dense_share == (48_120 + 10_164 + 850) / 61_706


def test_padding_the_image_is_no_window(ledger: Any, models: ModuleType) -> None:
    assert ledger(models.build("lenet5", (28, 28, 1), 10)) == ledger(models.build("lenet5", (32, 32, 1), 10))


def test_mlp_shares_nothing_and_sees_everything(ledger: Any, models: ModuleType) -> None:
    row = ledger(models.build("mlp", (28, 20, 1), 10))
    assert row.sharing_factor == row.dense_share == 1
    assert row.receptive_field == (28, 20)
    assert row.macs == 560 * 512 + 512 * 512 + 512 * 10


@pytest.mark.parametrize(("shortcut", "extra_macs"), [("A", 0), ("B", 256 * 16 * 32 + 64 * 32 * 64)])
def test_resnet20_agrees_with_the_published_numbers(
    ledger: Any, models: ModuleType, shortcut: str, extra_macs: int
) -> None:
    row = ledger(models.build("resnet20", (32, 32, 3), 10, shortcut=shortcut))
    assert row.macs == 40_551_040 + extra_macs
    # 3 pixels, then 2 for each 3x3 convolution times the distance between units: 7 at 1, 6 at 2, 5 at 4.
    assert row.receptive_field == (81, 81)
    if shortcut == "A":
        assert (row.trainable_parameters, row.total_parameters) == (269_722, 271_098)


def test_normalisation_uses_its_scale_and_offset_at_every_position(ledger: Any, models: ModuleType) -> None:
    row = ledger(models.build("resnet20", (32, 32, 3), 10))
    units = 7 * 32 * 32 * 16 + 6 * 16 * 16 * 32 + 6 * 8 * 8 * 64
    assert row.connections == row.macs + 2 * units + 10


def test_refuses_a_layer_that_it_cannot_count(ledger: Any) -> None:
    import keras

    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.layers.PReLU(name="slope")(image))
    with pytest.raises(TypeError, match="cannot count PReLU 'slope'"):
        ledger(model)


# --- the stage -------------------------------------------------------------------------------------------------


def study(**models: dict[str, Any]) -> params.Study:
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 2, "epochs": 1}
    return params.Study.model_validate(
        {
            "study": "tiny",
            "root": ".",
            "params": "params.yaml",
            "seed": 0,
            "replicates": 1,
            "dataset": {"name": "idx", "folder": "x"},
            "permutations": {"identity": {"family": "identity"}},
            "models": {name: {"recipe": recipe, **model} for name, model in models.items()},
            "grid": {"models": tuple(models), "permutations": ("identity",)},
            "tune": {"trials": 0},
            "compute": {},
        }
    )


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the dataset.json of 28x28 images in 3 classes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/tiny").mkdir(parents=True)
    split = artifacts.SplitInfo(count=3, per_class=(1, 1, 1))
    info = artifacts.DatasetInfo(
        name="idx",
        image_shape=(28, 28, 1),
        class_names=("a", "b", "c"),
        splits=dict.fromkeys(("train", "validation", "test"), split),
        mean=(0.5,),
        std=(0.2,),
        digest="0" * 64,
        duplicates=0,
        source="here",
        licence="none",
    )
    artifacts.write_json(tmp_path / "data/tiny/dataset.json", info)
    return tmp_path


def test_describe_writes_the_same_bytes_twice(workplace: Path, tf: ModuleType) -> None:
    import keras

    here = study(narrow={"architecture": "mlp", "options": {"units": [5]}}, deep={"architecture": "resnet20"})
    runs = []
    for _ in range(2):
        for model in ("narrow", "deep"):
            describe.run(here, model)
        runs.append({path: path.read_bytes() for path in sorted(workplace.glob("models/**/*")) if path.is_file()})
    assert runs[0] == runs[1]
    assert sorted(str(path.relative_to(workplace)) for path in runs[0]) == [
        "models/tiny/deep/architecture.json",
        "models/tiny/deep/ledger.json",
        "models/tiny/narrow/architecture.json",
        "models/tiny/narrow/ledger.json",
    ]
    text = (workplace / "models/tiny/narrow/architecture.json").read_text()
    assert text.endswith("}\n")
    assert keras.models.model_from_json(text).count_params() == (784 + 1) * 5 + (5 + 1) * 3
    assert artifacts.read_json(workplace / "models/tiny/narrow/ledger.json")["trainable_parameters"] == 3943


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "wide",
            "models.wide: alexnet needs images of at least 67x67, these are 28x28; its small form is alexnet_small",
        ),
        ("wid", "unknown model 'wid': did you mean 'wide'? known: wide"),
    ],
)
def test_describe_refuses_and_writes_nothing(workplace: Path, model: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        describe.run(study(wide={"architecture": "alexnet"}), model)
    assert str(caught.value) == message
    assert not (workplace / "models").exists()


def test_describe_wants_the_dataset_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        describe.run(study(net={"architecture": "mlp"}), "net")
