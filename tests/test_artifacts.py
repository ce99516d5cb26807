"""Artifacts are written whole or not at all."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from scramble import artifacts
from scramble.errors import UserError


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    for name in ("old", "new"):
        with artifacts.whole(target) as folder:
            folder.mkdir()
            (folder / name).touch()
            assert folder.parent == target.parent
            assert name == "old" or (target / "old").exists()
    assert [path.name for path in target.parent.rglob("*")] == ["folder", "new"]


def test_a_file_keeps_its_suffix_while_it_is_written(tmp_path: Path) -> None:
    with artifacts.whole(tmp_path / "picture.png") as path:
        assert path.suffix == ".png"
        path.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), UserError("a mistake")])
def test_an_error_leaves_the_old_and_nothing_half_written(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "file.json"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(type(error)), artifacts.whole(target) as path:
        path.write_text("half", encoding="utf-8")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]
    assert target.read_text(encoding="utf-8") == "old"


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "folder.partial").mkdir()
    (tmp_path / "folder.partial" / "rest").touch()
    with artifacts.whole(tmp_path / "folder") as folder:
        folder.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"no space left.*folder") as refusal,
        artifacts.whole(tmp_path / "folder") as folder,
    ):
        folder.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_does_not_take_it_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    reason = r"architecture\.json cannot be written: (File exists|Not a directory) \(.*models"
    with pytest.raises(UserError, match=reason), artifacts.whole(tmp_path / "models" / "architecture.json"):
        raise AssertionError("there is no place to write to")


def test_other_system_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), artifacts.whole(tmp_path / "file"):
        raise ConnectionError(errno.ECONNRESET, "reset")


def test_too_small_a_disk_is_told_before_it_is_full(tmp_path: Path) -> None:
    artifacts.require_space(tmp_path / "file", 1)
    with pytest.raises(UserError, match=r"file needs \d+\.0 MB, the disk has"):
        artifacts.require_space(tmp_path / "file", 10**18)


def test_an_array_is_the_npy_file_that_numpy_writes(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    artifacts.write_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpys.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


def test_json_bytes(tmp_path: Path) -> None:
    artifacts.write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "b": 1,\n  "a": "ü"\n}\n'.encode()
    assert artifacts.read_json(tmp_path / "a.json") == json.loads('{"b": 1, "a": "ü"}')
    with pytest.raises(ValueError, match="JSON compliant"):
        artifacts.write_json(tmp_path / "a.json", {"a": float("nan")})


def test_a_missing_artifact_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images\.npy is missing.*dvc repro"):
        artifacts.read_train_split(tmp_path)


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        artifacts.read_array(tmp_path / "images.npy")


def test_a_damaged_document_is_told(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"dataset\.json is damaged"):
        artifacts.read_dataset_info(tmp_path / "dataset.json")
