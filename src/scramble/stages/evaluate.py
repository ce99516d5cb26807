"""Stage evaluate: what every replicate of a model says to the test images. The only stage that reads them.

What is shown of them in the report, the most confident mistakes and the pictures that networks are looked into with,
therefore comes from here, too.
"""

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts, evaluation, metrics, params, processes
from scramble.artifacts import Split
from scramble.evaluation import Answers, Job, Trained, View
from scramble.evaluation.console import EvaluationProgress


def run(study: params.Study, model: str, workers: int | None = None) -> None:
    """Writes the folder of the model's predictions; `workers` processes work side by side, by default on every core.

    Raises:
        UserError: an earlier stage's file is missing or damaged.
    """
    job = Job(study, model)
    for path in job.files:
        artifacts.require(path)
    split = artifacts.read_test_split(job.paths.test_split)
    answers, views = _asked(job, workers or job.default_workers())
    with artifacts.whole(job.paths.predictions(model)) as folder:
        folder.mkdir()
        _write_predictions(folder, job, answers, split)
        _write_views(folder, views)
    print(f"{model}: {len(answers)} runs on {len(split.labels)} test images")


def _asked(job: Job, workers: int) -> tuple[dict[Trained, Answers], list[View]]:
    """The answers of all networks and the views, in the order of the job, whoever was the first to be done."""
    answers, views = {}, {}
    with EvaluationProgress(job.model, len(job.networks)) as progress:
        for message in processes.run(partial(evaluation.evaluate, job), range(job.num_items), workers):
            match message:
                case Answers():
                    answers[message.trained] = message
                    progress.advance()
                case View():
                    views[message.permutation] = message
    return answers, [views[name] for name in job.viewed if name in views]


def _write_predictions(folder: Path, job: Job, answers: dict[Trained, Answers], split: Split) -> None:
    """Logits, transfer errors, metrics and mistakes."""
    (folder / "mistakes").mkdir()
    rows: list[dict[str, Any]] = []
    errors = []
    for permutation in job.study.grid.permutations:
        of_cell = [answers[Trained(permutation, replicate)] for replicate in range(job.study.replicates)]
        logits = np.stack([each.logits for each in of_cell])  # (replicates, n, classes)
        errors.append(np.stack([each.errors for each in of_cell], axis=1))  # (tested on, replicates)
        artifacts.write_array(folder / f"{permutation}.npy", logits)
        mistakes = evaluation.most_confident_mistakes(logits, split)
        _write_arrays(folder / "mistakes" / f"{permutation}.npz", mistakes)
        rows += metrics.per_run_rows(job.model, permutation, logits, split.labels)
    artifacts.write_array(folder / "transfer.npy", np.stack(errors))  # (trained on, tested on, replicates)
    artifacts.write_table(folder / "metrics.csv", rows)


def _write_views(folder: Path, views: list[View]) -> None:
    """A folder that networks without convolutions have no use for, and numbers."""
    if views:
        (folder / "views").mkdir()
    for view in views:
        _write_arrays(folder / "views" / f"{view.permutation}.npz", view.arrays)
    artifacts.write_json(folder / "views.json", {"permutations": {view.permutation: view.numbers for view in views}})


def _write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes a .npz file, whose bytes depend on the arrays alone."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    path.write_bytes(buffer.getbuffer())
