"""Two executions of a stage side by side: the verdict, and what of which file differs first."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from scramble import verdicts
from scramble.verification.compare import judge

TREE = Path("tree")
"""Where the second execution writes; the first writes into the working directory."""


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def both(name: str) -> Iterator[Path]:
    """Where the first and the second execution write a file."""
    for folder in (Path(), TREE):
        (folder / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        yield folder / "out" / name


def compared(tolerance: float = 1e-5) -> verdicts.Reexecution:
    return judge(["out"], TREE, tolerance)


def write_weights(path: Path, **tensors: Any) -> None:
    with h5py.File(path, "w") as file:
        for name, values in tensors.items():
            file[f"layers/{name}/vars/0"] = np.asarray(values, np.float32)


@pytest.mark.parametrize(
    ("conv", "dense", "verdict", "where", "relative", "largest"),
    [
        ([1, 2], [4.0001], "different", "layers/dense/vars/0", 2.5e-5, 2.5e-5),
        ([1, 2], [4.00001], "equal within tolerance", "layers/dense/vars/0", 2.5e-6, 2.5e-6),
        ([1.00001, 2], [8], "different", "layers/conv/vars/0", 5e-6, 0.5),
    ],
)
def test_weights(
    conv: list[float], dense: list[float], verdict: str, where: str, relative: float, largest: float
) -> None:
    first, second = both("model.weights.h5")
    write_weights(first, conv=[1, 2], dense=[4])
    write_weights(second, conv=conv, dense=dense)
    found = compared()
    (difference,) = found.differences
    assert (found.verdict, difference.where) == (verdict, where)
    assert difference.relative == pytest.approx(relative, rel=0.05)
    assert difference.largest_relative == pytest.approx(largest, rel=0.05)
    assert difference.absolute == pytest.approx(relative * (2 if "conv" in where else 4), rel=0.05)


def test_a_tensor_that_one_of_the_two_lacks() -> None:
    first, second = both("model.weights.h5")
    write_weights(first, conv=[1])
    write_weights(second, conv=[1], dense=[1])
    assert compared().differences[0].where == "layers/dense/vars/0 is there in one of the two only"


def test_a_tensor_goes_by_the_name_of_its_layer_and_numbers_by_size() -> None:
    for path, value in zip(both("model.weights.h5"), (1.0, 2.0), strict=True):
        with h5py.File(path, "w") as file:
            for number in (10, 2):
                file[f"layers/conv2d_{number}/vars/0"] = np.array([value], np.float32)
                file[f"layers/conv2d_{number}/vars"].attrs["name"] = f"stage{number}_conv"
    assert compared().differences[0].where == "stage2_conv (layers/conv2d_2/vars/0)"


def test_history_names_the_first_epoch_and_column() -> None:
    first, second = both("history.csv")
    first.write_text("epoch,loss,accuracy\n1,0.5,0.25\n2,0.25,0.5\n3,0.1,0.9\n")
    second.write_text("epoch,loss,accuracy\n1,0.5,0.25\n2,0.25,0.500001\n3,0.2,0.9\n")
    found = compared()
    (difference,) = found.differences
    assert (found.verdict, difference.where) == ("different", "epoch 2, accuracy")
    assert difference.largest_relative == pytest.approx(0.5)
    assert str(difference) == "out/history.csv: epoch 2, accuracy differs by 1e-06, relative 2e-06, elsewhere 0.5"


PAIRS = {
    "integers": (np.array([1_000_000, 1]), np.array([1_000_001, 1]), "the array differs in 1 of 2 values"),
    "shapes": (
        np.array([1.0]),
        np.array([[1.0]]),
        "the array has shape (1,) and type float64, then (1, 1) and float64",
    ),
    "types": (np.array([1]), np.array([1], np.int32), "the array has shape (1,) and type int64, then (1,) and int32"),
    "not numbers": (np.array([np.nan, 1]), np.array([np.nan, 1.000001]), "the array differs in 1 of 2 values"),
    "texts": (np.array(["a"]), np.array(["b"]), "the array differs in 1 of 1 values"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_arrays_that_no_tolerance_applies_to(case: str) -> None:
    *arrays, where = PAIRS[case]
    for path, array in zip(both("array.npy"), arrays, strict=True):
        np.save(path, array)
    found = compared(tolerance=0.5)
    (difference,) = found.differences
    assert (found.verdict, difference.where, difference.absolute) == ("different", where, None)


def test_a_small_element_is_held_against_the_largest() -> None:
    for path, small in zip(both("array.npy"), (1, 1.0005), strict=True):
        np.save(path, np.array([small, 100.0]))
    assert compared().verdict == "equal within tolerance"
    assert compared(tolerance=1e-6).verdict == "different"


def test_each_array_of_an_archive_is_compared_on_its_own() -> None:
    for path, value in zip(both("views.npz"), (1.0, 1.000001), strict=True):
        np.savez(path, labels=np.array([1, 2]), attention=np.array([value, 0.5]))
    (difference,) = compared().differences
    assert (compared().verdict, difference.where) == ("equal within tolerance", "the array attention")
    assert compared(tolerance=1e-7).verdict == "different"


@pytest.mark.parametrize(
    ("name", "before", "after", "verdict", "where"),
    [
        ("a.json", '{"a": {"b": [1.0, 2.0]}}', '{"a": {"b": [1.0, 2.000001]}}', "equal within tolerance", "a.b.1"),
        ("a.json", '{"n": 100000}', '{"n": 100001}', "different", "n is 100000, then 100001"),
        ("a.json", '{"n": null}', '{"n": 1.5}', "different", "n is None, then 1.5"),
        (
            "a.json",
            '{"n": true, "m": []}',
            '{"m": [], "n": true}',
            "equal within tolerance",
            "the same values, written",
        ),
        ("a.json", '{"n": 1}', '{"n": 1.0}', "equal within tolerance", "the same values, written in another way"),
        ("a.json", '{"n": 1, "m": 1}', '{"n": 1}', "different", "m is there in one of the two only"),
        ("a.csv", "a,b\nx,1.5\n", "a,b\ny,1.5\n", "different", "row 1, a is 'x', then 'y'"),
        ("a.csv", "a\n100000\n", "a\n100001\n", "different", "row 1, a is 100000, then 100001"),
        ("a.csv", "a\n1.5\n", "a\n1.5\n2.5\n", "different", "row 2, a is there in one of the two only"),
        ("a.png", "1.5", "1.500001", "different", "other bytes"),
    ],
)
def test_texts_and_documents(name: str, before: str, after: str, verdict: str, where: str) -> None:
    for path, text in zip(both(name), (before, after), strict=True):
        path.write_text(text)
    found = compared()
    assert found.verdict == verdict
    assert found.differences[0].where.startswith(where)


def test_files_that_one_execution_lacks() -> None:
    first, _ = both("a.csv")
    _, second = both("deep/b.csv")
    first.write_text("a\n1\n")
    second.write_text("a\n1\n")
    found = compared()
    said = {difference.file: difference.where for difference in found.differences}
    assert said == {"out/a.csv": "not written the second time", "out/deep/b.csv": "written the second time only"}
    assert found.verdict == "different"
    assert list(found.outputs) == ["out/a.csv"]


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (("0.5", "0.5"), "different"),
        (("0.5", "0.50"), "different"),
        (("0.5", "0.500001"), "equal within tolerance"),
        (("0.5", "0.6"), "different"),
    ],
)
def test_event_files_may_differ_only_where_numbers_do(losses: tuple[str, str], verdict: str) -> None:
    events = zip(both("0/events.out.tfevents.scramble"), ("one", "two"), strict=True)
    histories = zip(both("0/history.csv"), losses, strict=True)
    for path, text in events:
        path.write_text(text)
    for path, loss in histories:
        path.write_text(f"epoch,loss\n1,{loss}\n")
    found = compared()
    assert (found.verdict, found.events) == (verdict, ("out/0/events.out.tfevents.scramble",))


def test_what_differs_in_the_environment() -> None:
    before = {"python": "3.11.7", "processor": {"sets": ["avx", "fma"]}, "flags": {}, "threads": 1}
    after = {"python": "3.11.7", "processor": {"sets": ["avx"]}, "flags": {"XLA_FLAGS": "-x"}, "threads": 2}
    for path, document in zip(both("environment.json"), (before, after), strict=True):
        path.write_text(json.dumps(document))
    found = compared()
    assert (found.verdict, found.differences) == ("identical", ())
    assert found.environment_changes == {
        "processor.sets": (["avx", "fma"], ["avx"]),
        "threads": (1, 2),
        "flags.XLA_FLAGS": (None, "-x"),
    }


def test_the_first_difference_of_each_kind_of_file_is_the_one_that_decides() -> None:
    for name, values in {"0/history.csv": "1.000001", "1/history.csv": "2", "2/history.csv": "3"}.items():
        for path, value in zip(both(name), ("1.0", values), strict=True):
            path.write_text(f"loss\n{value}\n")
    assert [difference.file for difference in compared().first_differences] == ["out/1/history.csv"]
    assert [difference.file for difference in compared(0.9).first_differences] == ["out/0/history.csv"]
