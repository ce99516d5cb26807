"""Event files: the same bytes every time, and TensorBoard reads what was logged."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

from scramble.events import FILE_NAME, EventWriter

WRITE = """
import sys
from pathlib import Path
import numpy as np
from scramble.events import EventWriter
with EventWriter(Path(sys.argv[1])) as events:
    events.hparams({"recipe.epochs": 3, "model": "mlp", "rate": 0.5, "flip": True, "zeta": "z"}, group="mlp/pixels")
    events.scalars({"loss/train": 0.25, "loss/validation": 0.5}, step=1)
    events.histograms({"hidden/kernel": np.arange(12.0).reshape(3, 4)}, step=1)
    events.images("inputs", np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5, 1), step=0)
"""


def write(folder: Path) -> Path:
    subprocess.run([sys.executable, "-c", WRITE, folder], check=True, env={"PYTHONPATH": "src"})
    return folder / FILE_NAME


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    digests = {hashlib.sha256(write(tmp_path / name).read_bytes()).hexdigest() for name in ("a", "b", "c")}
    assert len(digests) == 1


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    events = EventAccumulator(str(write(tmp_path / "run").parent)).Reload()
    (loss,) = events.Tensors("loss/validation")
    assert (loss.step, loss.wall_time, tensor_util.make_ndarray(loss.tensor_proto)) == (1, 1.0, 0.5)
    (histogram,) = events.Tensors("hidden/kernel")
    assert tensor_util.make_ndarray(histogram.tensor_proto)[:, 2].sum() == 12
    (images,) = events.Tensors("inputs")
    width, height, *pngs = tensor_util.make_ndarray(images.tensor_proto)
    assert (width, height, len(pngs)) == (b"5", b"4", 2)
    assert all(png.startswith(b"\x89PNG") for png in pngs)
    assert {name: events.SummaryMetadata(name).plugin_data.plugin_name for name in ("inputs", "hidden/kernel")} == {
        "inputs": "images",
        "hidden/kernel": "histograms",
    }


def test_hparams_are_grouped(tmp_path: Path) -> None:
    events = EventAccumulator(str(write(tmp_path / "run").parent)).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    info = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert (info.group_name, info.start_time_secs) == ("mlp/pixels", 0.0)
    assert info.hparams["recipe.epochs"].number_value == 3
    assert info.hparams["flip"].bool_value


def test_colour_images(tmp_path: Path) -> None:
    with EventWriter(tmp_path / "run") as events:
        events.images("inputs", np.zeros((1, 4, 5, 3), np.uint8), step=0)
    assert EventAccumulator(str(tmp_path / "run")).Reload().Tensors("inputs")
