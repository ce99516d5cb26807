"""TensorBoard shows mean and interval of the learning curves as runs of their own."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from scramble import summary
from scramble.statistics import Estimate, mean_interval

LOSSES = [[2.0, 1.0], [3.0, 2.0], [4.0, 1.5]]
"""By replicate, two epochs."""


def curves(*replicates: list[float]) -> dict[str, list[Estimate]]:
    column = [mean_interval(values) for values in zip(*replicates, strict=True)]
    return {name: column for name in summary.TAGS}


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By tag, (step, value) as TensorBoard reads them."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def test_mean_and_limits_are_runs(tmp_path):
    summary.write({("mlp", "pixels"): curves(*LOSSES)}, tmp_path)
    for run in ("mean", "low", "high"):
        expected = [
            (epoch, pytest.approx(getattr(mean_interval([values[epoch - 1] for values in LOSSES]), run), rel=1e-6))
            for epoch in (1, 2)
        ]
        found = scalars(tmp_path / "mlp" / "pixels" / run)
        assert found["loss/validation"] == expected
        assert set(found) == {"loss/train", "loss/validation", "accuracy/train", "accuracy/validation"}


def test_one_replicate_has_a_mean_only(tmp_path):
    summary.write({("mlp", "pixels"): curves([2.0, 1.0])}, tmp_path)
    assert [path.name for path in (tmp_path / "mlp/pixels").iterdir()] == ["mean"]


def test_an_epoch_that_is_not_finite_has_no_limits(tmp_path):
    summary.write({("mlp", "pixels"): curves([2.0, float("inf")], [3.0, 1.0])}, tmp_path)
    assert [step for step, _ in scalars(tmp_path / "mlp/pixels/low")["loss/train"]] == [1]
    assert [step for step, _ in scalars(tmp_path / "mlp/pixels/mean")["loss/train"]] == [1, 2]


def test_every_place_of_the_grid_in_the_same_bytes(tmp_path):
    places = {(model, "pixels"): curves(*LOSSES) for model in ("mlp", "lenet5")}
    summary.write(places, tmp_path / "once")
    summary.write(places, tmp_path / "again")
    once, again = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "once", tmp_path / "again")
    )
    assert once == again
    assert len(once) == 6
