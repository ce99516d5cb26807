"""The fetch stage: what it writes, that the bytes depend on the study alone, and that it writes all or nothing."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from idx_files import write_splits
from scramble import artifacts, params
from scramble.datasets import mnist
from scramble.errors import UserError
from scramble.figures import sheets
from scramble.paths import StudyPaths
from scramble.stages import fetch

PATHS = StudyPaths("s")
LABELS = [3, 5, 9] * 20


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCRAMBLE_MIRROR", raising=False)


def study(**dataset):
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 1, "epochs": 1}
    return params.Study.model_validate(
        {
            "study": "s",
            "root": ".",
            "params": "params.yaml",
            "seed": 0,
            "replicates": 1,
            "dataset": dataset,
            "permutations": {"identity": {"family": "identity"}},
            "models": {"mlp": {"architecture": "mlp", "recipe": recipe}},
            "grid": {"models": ["mlp"], "permutations": ["identity"]},
            "tune": {"trials": 0},
            "compute": {},
            "report": {"equivalence_margin": 0.01},
        }
    )


def fetch_idx(labels=LABELS, test_labels=(3, 5, 9) * 4, size=(4, 5), **keys):
    write_splits(Path("own"), list(labels), list(test_labels), size=size)
    fetch.run(study(name="idx", folder="own", **keys))
    return artifacts.read_dataset_info(PATHS.dataset)


def contents():
    return {str(path): path.read_bytes() for path in sorted(PATHS.data.rglob("*")) if path.is_file()}


def test_splits_and_their_description(capsys):
    info = fetch_idx(size=(4, 5, 3), validation_fraction=0.2, class_names=("a", "b", "c"))
    train, test = artifacts.read_train_split(PATHS.train_split), artifacts.read_test_split(PATHS.test_split)
    assert train.images.shape == (60, 4, 5, 3)
    assert train.images.dtype == np.uint8
    assert train.labels.dtype == train.validation.dtype == test.labels.dtype == np.int32
    assert np.array_equal(train.validation, np.unique(train.validation))
    assert info.name == "idx"
    assert info.image_shape == (4, 5, 3)
    assert info.class_names == ("a", "b", "c")
    assert {name: (split.count, split.per_class) for name, split in info.splits.items()} == {
        "train": (48, (16, 16, 16)),
        "validation": (12, (4, 4, 4)),
        "test": (12, (4, 4, 4)),
    }
    learned = np.delete(train.images, train.validation, axis=0) / 255
    assert info.mean == pytest.approx(learned.mean((0, 1, 2)), abs=1e-12)
    assert info.std == pytest.approx(learned.std((0, 1, 2)), abs=1e-12)
    assert sorted(path.name for path in PATHS.data.iterdir()) == ["dataset.json", "samples.png", "test", "train"]
    assert capsys.readouterr().out == "idx: 48 train, 12 validation, 12 test; 3 classes; images of 4x5x3\n"


def test_digest_covers_shapes_images_and_labels():
    info = fetch_idx()
    sha256 = hashlib.sha256()
    for folder in (PATHS.train_split, PATHS.test_split):
        for name, dtype in (("images", "uint8"), ("labels", "int32")):
            array = np.load(folder / f"{name}.npy")
            sha256.update(f"{dtype}{list(array.shape)}".encode() + array.tobytes())
    assert info.digest == sha256.hexdigest()
    assert fetch_idx(labels=[5, 3, 9] * 20).digest != info.digest
    assert fetch_idx(size=(5, 4)).digest != info.digest


def test_digits_twice_gives_the_same_bytes():
    fetch.run(study(name="digits"))
    once = contents()
    fetch.run(study(name="digits"))
    assert contents() == once
    fetch.run(study(name="digits", seed=1))
    assert contents().keys() == once.keys()
    assert contents() != once


def test_limits_are_stratified_nested_and_in_order():
    fetch_idx()
    everything = artifacts.read_train_split(PATHS.train_split).images
    kept = {}
    for limit in (12, 30):
        info = fetch_idx(train_limit=limit, test_limit=6, validation_fraction=0.25)
        train = artifacts.read_train_split(PATHS.train_split)
        kept[limit] = [int(np.flatnonzero((everything == image).all((1, 2, 3)))[0]) for image in train.images]
        assert kept[limit] == sorted(kept[limit])
        assert np.bincount(train.labels).tolist() == [limit // 3] * 3
        assert info.splits["test"].per_class == (2, 2, 2)
    assert set(kept[12]) < set(kept[30])


def test_a_limit_beyond_the_data_takes_all():
    assert fetch_idx(train_limit=1000, test_limit=1000).splits["test"].count == 12


def test_duplicates_are_counted():
    train = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)
    test = np.concatenate([train[[1, 1, 4]], train[:2] + 100])
    assert fetch.num_duplicates(train, test) == 3


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"train_limit": 2}, "dataset.train_limit is 2, less than the 3 classes"),
        ({"test_limit": 2}, "dataset.test_limit is 2, less than the 3 classes"),
        ({"train_limit": 10}, "validation_fraction 0.1 of 10 training images is 1, less than the 3 classes"),
        ({"labels": [3, 5] * 20 + [9]}, "validation_fraction 0.1 of 41 training images leaves the class '9' none"),
    ],
)
def test_too_few_images(keys, message):
    with pytest.raises(UserError, match=message):
        fetch_idx(**keys)
    assert not PATHS.data.exists()


@pytest.mark.parametrize("broken", ["write_json", "image_sheet"])
def test_nothing_is_half_written_when_the_disk_is_full(monkeypatch, broken):
    def full(*arguments, **keys):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch if broken == "write_json" else sheets, broken, full)
    with pytest.raises(UserError, match="no space left"):
        fetch_idx()
    assert contents() == {}
    assert list(PATHS.data.iterdir()) == []


def test_many_classes_and_few_images_still_make_a_sample_sheet():
    fetch_idx(labels=[*range(47), *range(47), 0, 0], test_labels=range(47), validation_fraction=0.5)
    assert PATHS.samples.read_bytes().startswith(b"\x89PNG")


# --- published datasets, small ones in their place --------------------------------------------------------------


@pytest.fixture
def small_mnist(monkeypatch):
    """Four small files in the place of MNIST's, as a mirror folder."""
    write_splits(Path("mirror/mnist"), list(range(10)) * 4, list(range(10)), size=(28, 28), zipped=True)
    data = {name: gzip.decompress(Path(f"mirror/mnist/{name}.gz").read_bytes()) for name in mnist.NUM_BYTES}
    publication = mnist.Publication(
        urls=("http://127.0.0.1:1",),
        sha256=tuple(hashlib.sha256(content).hexdigest() for content in data.values()),
        class_names=tuple("0123456789"),
        source="small MNIST",
        licence="none",
    )
    monkeypatch.setattr(mnist, "NUM_BYTES", {name: len(content) for name, content in data.items()})
    monkeypatch.setitem(mnist.PUBLICATIONS, "mnist", publication)
    return Path("mirror")


def test_the_way_of_the_bytes_leaves_no_trace(small_mnist, monkeypatch):
    spec = {"name": "mnist", "validation_fraction": 0.25}
    fetch.run(study(**spec, mirror=str(small_mnist)))
    by_parameter = contents()
    monkeypatch.setenv("SCRAMBLE_MIRROR", str(small_mnist.resolve()))
    fetch.run(study(**spec))
    assert contents() == by_parameter
    monkeypatch.delenv("SCRAMBLE_MIRROR")
    monkeypatch.setenv("SCRAMBLE_CACHE", str(small_mnist))
    fetch.run(study(**spec))
    assert contents() == by_parameter
    assert json.loads(PATHS.dataset.read_text())["source"] == "small MNIST"


def test_a_tampered_mirror_is_refused(small_mnist):
    path = small_mnist / "mnist" / "t10k-labels-idx1-ubyte.gz"
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(UserError, match=r"t10k-labels-idx1-ubyte has SHA-256 .*, expected .*-labels-idx1-ubyte\.gz"):
        fetch.run(study(name="mnist", mirror=str(small_mnist)))
    assert not PATHS.data.exists()
