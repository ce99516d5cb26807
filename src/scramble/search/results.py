"""What a finished search leaves: search.json, trials.csv, and event files for TensorBoard's HParams dashboard."""

import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from scramble import artifacts
from scramble.events import EventWriter
from scramble.search.job import OBJECTIVE, Job
from scramble.search.journal import Training
from scramble.search.trials import Result, Trial, best_of

NOTHING = {"searched": False}
"""search.json where nothing was searched."""


def document(job: Job, result: Result) -> dict[str, Any]:
    """The contents of search.json.

    The order is that whose result this is: `serial`, whatever the number of workers, where the algorithm does not
    depend on it.
    """
    search, best = job.search, result.best
    return {
        "searched": True,
        "algorithm": search.tune.algorithm,
        "objective": OBJECTIVE,
        "trials": len(result.trials),
        "epochs": search.epochs,
        "replicates": search.tune.replicates,
        "order": "parallel" if result.parallel and search.order_matters else "serial",
        "order_matters": search.order_matters,
        "space": {field: str(entry) for field, entry in search.space.items()},
        "best": {"trial": best.number, "score": best.score, "values": to_jsonable_python(best.setting.values)},
        "fresh": {"scores": [trial.score for trial in result.fresh]},
    }


def table(job: Job, result: Result) -> list[dict[str, Any]]:
    """The rows of trials.csv."""
    rows = []
    for count, trial in enumerate(result.trials, start=1):
        best = best_of(result.trials[:count], job.search.epochs)
        values = {field: plain(value) for field, value in trial.setting.values.items()}
        rows.append(
            {
                "trial": trial.number,
                "score": trial.score,
                "best_so_far": best.score if best else math.nan,
                "epochs": trial.setting.recipe.epochs,
                "status": "diverged" if trial.diverged else "completed",
                **values,
            }
        )
    return rows


def write_events(job: Job, result: Result, folder: Path) -> None:
    """Writes <trial>/<replicate>/ with an event file each; TensorBoard averages over those of one trial."""
    folder.mkdir()
    for trial in result.trials:
        for number, replicate in enumerate(trial.replicates):
            _write_training(job, trial, trial.trainings[replicate], folder / str(trial.number) / str(number))


def _write_training(job: Job, trial: Trial, training: Training, folder: Path) -> None:
    place = {"dataset": job.study.dataset.name, "model": job.model, "permutation": job.permutation}
    values = {field: plain(value) for field, value in trial.setting.values.items()}
    with EventWriter(folder) as events:
        events.hparams(
            {**place, **values}, group=f"{job.study.study}/search/{job.model}/{job.permutation}/{trial.number}"
        )
        for row in training.history:
            scalars = {
                "loss/train": row.loss,
                "loss/validation": row.validation_loss,
                "accuracy/train": row.accuracy,
                "accuracy/validation": row.validation_accuracy,
                "learning_rate": row.learning_rate,
            }
            events.scalars(scalars, step=row.epoch)
        events.scalars({OBJECTIVE.replace(" ", "_"): training.error}, step=len(training.history))


def plain(value: Any) -> Any:
    """A value that a cell and TensorBoard's dashboard can show."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_defaults=True)
    return str(list(value) if isinstance(value, tuple) else value)


def write(job: Job, result: Result, folder: Path) -> None:
    """Writes search.json and trials.csv."""
    folder.mkdir()
    artifacts.write_json(folder / "search.json", document(job, result))
    artifacts.write_table(folder / "trials.csv", table(job, result))
