"""What a study costs beyond its training: `dvc repro` of the lecture study against the time inside training epochs.

The study runs in a clone of the last commit. Stage `train` prints, at some epochs, how many images per second the
epoch took in; the time of all epochs follows, and divided by the number of workers it is what the study could not do
without. MNIST comes from SCRAMBLE_MIRROR, the user's cache or the network.
"""

import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import ROOT, scratch
from benchmarks.results import Result
from scramble import params, processes
from scramble.paths import StudyPaths

STUDY = "lecture"
LINE = re.compile(
    r"^(?P<training>\w+ \w+ replicate \d+)  epoch \d+/(?P<epochs>\d+)  .* (?P<speed>[\d,]+) images/s", re.M
)


def measure() -> Iterator[Result]:
    study = params.load(ROOT / "pipelines" / STUDY / "params.yaml")
    workers = processes.default_workers(study.replicates, study.compute.threads)
    with tempfile.TemporaryDirectory() as name:
        clone = scratch.clone(Path(name))
        start = time.perf_counter()
        printed = reproduce(clone)
        wall = time.perf_counter() - start
        dataset = json.loads((clone / StudyPaths(STUDY).dataset).read_text(encoding="utf-8"))
    seconds = epoch_seconds(printed, dataset["splits"]["train"]["count"])
    label = f"pipeline: dvc repro of {STUDY} / training epochs on {workers} workers"
    yield Result(label, wall, seconds / workers, "s", "<= 1.5")


def reproduce(clone: Path) -> str:
    """Runs every stage of the study. Returns what was printed."""
    command = scratch.dvc_repro("--force", f"pipelines/{STUDY}/dvc.yaml")
    environment = scratch.dvc_environment(clone)
    return subprocess.run(command, cwd=clone, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def epoch_seconds(printed: str, num_images: int) -> float:
    """Seconds inside the epochs of all trainings, if those that were not printed took as long as those that were.

    Args:
        printed: the output of stage `train`, of any number of models and permutations.
        num_images: of an epoch.
    """
    speeds: dict[tuple[str, int], list[float]] = {}
    for line in LINE.finditer(printed):
        training = line["training"], int(line["epochs"])
        speeds.setdefault(training, []).append(float(line["speed"].replace(",", "")))
    return sum(epochs * statistics.mean(num_images / speed for speed in each) for (_, epochs), each in speeds.items())
