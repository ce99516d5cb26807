"""What bfloat16 does to a study's accuracy: LeNet-5 and ResNet-20 on Fashion-MNIST, five replicates, beside float32.

ResNet-20 is trained on a part of the images, so that the whole takes some ten minutes on two cores. The images come
from SCRAMBLE_MIRROR, the user's cache or the network.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.results import Result
from benchmarks.scratch import ScratchStudy
from scramble.artifacts import read_table
from scramble.statistics import Estimate, mean_interval, paired_difference

REPLICATES = 5
PRECISIONS = ("float32", "mixed_bfloat16")
RECIPE = {"optimizer": "adam", "learning_rate": 0.002, "schedule": "cosine", "batch_size": 128}
LIMITS: dict[str, dict[str, Any]] = {"lenet5": {}, "resnet20": {"train_limit": 8_000, "test_limit": 5_000}}
EPOCHS = {"lenet5": 6, "resnet20": 5}


def measure() -> Iterator[Result]:
    for architecture, limit in LIMITS.items():
        with tempfile.TemporaryDirectory() as folder:
            study = study_of(Path(folder), architecture, {"name": "fashion_mnist", **limit})
            study.prepare()
            seconds = {precision: train_seconds(study, precision) for precision in PRECISIONS}
            errors = {precision: test_errors(study, precision) for precision in PRECISIONS}
        yield from compare(architecture, errors, seconds)


def study_of(folder: Path, architecture: str, dataset: dict[str, Any]) -> ScratchStudy:
    """A study with one model per precision, named after it."""
    models = {
        precision: {
            "architecture": architecture,
            "recipe": RECIPE | {"epochs": EPOCHS[architecture], "precision": precision},
        }
        for precision in PRECISIONS
    }
    return ScratchStudy(folder, replicates=REPLICATES, dataset=dataset, models=models)


def train_seconds(study: ScratchStudy, model: str) -> float:
    """Wall time of stage `train`, all replicates, with the start of its processes."""
    start = time.perf_counter()
    study.train(model)
    return time.perf_counter() - start


def test_errors(study: ScratchStudy, model: str) -> list[float]:
    """The test error of every replicate in percent."""
    study.run("evaluate", model=model)
    rows = read_table(study.folder / study.paths.predictions(model) / "metrics.csv")
    return [100 * float(row["top1_error"]) for row in rows]


def compare(architecture: str, errors: dict[str, list[float]], seconds: dict[str, float]) -> Iterator[Result]:
    """Prints the intervals and yields both ratios, bfloat16 over float32."""
    estimates = {precision: mean_interval(errors[precision]) for precision in PRECISIONS}
    for precision in PRECISIONS:
        error = _percent(estimates[precision])
        print(f"{architecture} {precision}: test error {error}, trained in {seconds[precision]:.0f} s")
    difference = paired_difference(errors["float32"], errors["mixed_bfloat16"])
    print(f"{architecture} mixed_bfloat16 - float32, paired by replicate: {_percent(difference)}", flush=True)
    label = f"precision: {architecture} on Fashion-MNIST, mixed_bfloat16 / float32"
    ours, peer = estimates["mixed_bfloat16"], estimates["float32"]
    yield Result(f"{label}, test error", ours.mean, peer.mean, "%")
    if ours.half_width and peer.half_width and difference.half_width:
        yield Result(f"{label}, half-width of its interval", ours.half_width, peer.half_width, "%")
        paired = f"precision: {architecture} on Fashion-MNIST, paired difference / half-width of its interval"
        yield Result(paired, difference.mean, difference.half_width, "%")
    yield Result(f"{label}, stage train", seconds["mixed_bfloat16"], seconds["float32"], "s")


def _percent(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f} ± {estimate.half_width:.2f} %"
