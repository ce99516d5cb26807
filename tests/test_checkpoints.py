"""What an ended training leaves: found by the same inputs alone, whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from scramble import checkpoints
from scramble.checkpoints import Checkpoint
from scramble.errors import UserError

ARRAYS = {"history": np.zeros((0, 6)), "model/0": np.arange(4, dtype=np.float32), "optimizer/0": np.array(3)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """A checkpoint with a state and 5 bytes of events."""
    checkpoint = Checkpoint(tmp_path / "0", "key")
    checkpoint.events.mkdir()
    (checkpoint.events / "events").write_bytes(b"event")
    checkpoint.save(ARRAYS, events_bytes=5)
    return checkpoint


def test_what_is_saved_is_loaded(checkpoint: Checkpoint) -> None:
    loaded = Checkpoint(checkpoint.folder, "key").load()
    assert loaded is not None
    arrays, events_bytes = loaded
    assert events_bytes == 5
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_other_inputs_find_nothing(checkpoint: Checkpoint) -> None:
    with checkpoint.finish():
        pass
    other = Checkpoint(checkpoint.folder, "other key")
    assert other.load() is None
    assert not other.is_finished
    assert [path.name for path in checkpoint.folder.iterdir()] == ["key"]


def test_nothing_was_saved_yet(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "new", "key").load() is None


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_damaged_state_is_none(checkpoint: Checkpoint, share: float) -> None:
    state = checkpoint.folder / "state.npz"
    state.write_bytes(state.read_bytes()[: int(share * state.stat().st_size)])
    assert checkpoint.load() is None


def test_a_flipped_byte_is_noticed(checkpoint: Checkpoint) -> None:
    state = checkpoint.folder / "state.npz"
    content = bytearray(state.read_bytes())
    content[content.index(ARRAYS["model/0"].tobytes())] ^= 1
    state.write_bytes(content)
    assert checkpoint.load() is None


def test_events_that_the_disk_lost_are_noticed(checkpoint: Checkpoint) -> None:
    (checkpoint.events / "events").write_bytes(b"eve")
    assert checkpoint.load() is None


def test_what_is_finished_needs_no_state(checkpoint: Checkpoint) -> None:
    with checkpoint.finish() as folder:
        (folder / "weights").write_text("w", encoding="utf-8")
        assert not checkpoint.is_finished
    assert checkpoint.is_finished
    assert checkpoint.load() is None


def test_the_key_stands_for_names_contents_and_settings(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("1", encoding="utf-8")
    first = checkpoints.key([folder], 1, "x")
    assert checkpoints.key([folder], 1, "x") == first
    assert checkpoints.key([folder], 2, "x") != first
    (folder / "a").write_text("2", encoding="utf-8")
    changed = checkpoints.key([folder], 1, "x")
    (folder / "a").rename(folder / "b")
    assert len({first, changed, checkpoints.key([folder], 1, "x")}) == 3


def test_what_is_removed_halfway_is_not_taken_for_whole(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with checkpoint.finish():
        pass
    monkeypatch.setattr(checkpoints.artifacts, "remove", lambda path: None)  # killed before anything is gone
    checkpoint.discard()
    monkeypatch.undo()
    assert not Checkpoint(checkpoint.folder, "key").is_finished


def test_two_processes_do_not_train_the_same(tmp_path: Path) -> None:
    with (
        checkpoints.locked(tmp_path / "mlp/pixels"),
        pytest.raises(UserError, match="another process is training pixels"),
        checkpoints.locked(tmp_path / "mlp/pixels"),
    ):
        pass
    with checkpoints.locked(tmp_path / "mlp/pixels"):
        pass
