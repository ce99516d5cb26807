"""A small study with a search, its chief, and what trainings would find, invented."""

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scramble.params import Study
from scramble.search.job import Job
from scramble.search.journal import Journal

STUDY: dict[str, Any] = {
    "study": "searched",
    "root": ".",
    "params": "params.yaml",
    "seed": 0,
    "replicates": 1,
    "dataset": {"name": "digits", "train_limit": 300, "test_limit": 30},
    "permutations": {"identity": {"family": "identity"}, "pixels": {"family": "pixels"}},
    "models": {
        "mlp": {
            "architecture": "mlp",
            "options": {"units": [16]},
            "recipe": {
                "optimizer": "adamw",
                "learning_rate": 0.002,
                "schedule": "cosine",
                "batch_size": 32,
                "epochs": 3,
                "keep": "best",
            },
        }
    },
    "grid": {"models": ["mlp"], "permutations": ["identity", "pixels"]},
    "tune": {
        "trials": 5,
        "epochs": 2,
        "fresh": 2,
        "cells": {"permutations": ["pixels"]},
        "space": {
            "mlp": {
                "learning_rate": {"float": [0.0001, 0.1], "scale": "log"},
                "weight_decay": {"fixed": 0.01},
                "options.units": {"choice": [[16], [24, 8]]},
            }
        },
    },
    "compute": {"threads": 1},
    "report": {"equivalence_margin": 0.01},
}


def study(**tune: Any) -> Study:
    """The study with other keys of `tune`."""
    document = copy.deepcopy(STUDY)
    document["tune"] |= tune
    return Study.model_validate(document)


def job(searched: Study) -> Job:
    search = searched.search("mlp", "pixels")
    assert search is not None
    return Job(searched, "mlp", "pixels", search)


def new_chief(searched: Study, folder: Path, journal: str = "journal") -> Any:
    """A chief with a new oracle, and what earlier ones have left in the journal; `notes` is what it has told."""
    from scramble.search import chief, oracles

    oracle = oracles.build(job(searched).search, searched.seed)
    oracle._set_project_dir(folder / "keras_tuner", "search")
    notes: list[str] = []
    kept = Journal(folder / journal, "inputs", {}, notes.append)
    made: Any = chief.Chief(job(searched), oracle, "inputs", kept, notes.append)
    made.notes = notes
    made.replay()
    return made


def metrics(learning_rate: float, replicate: int, epochs: int = 2) -> dict[str, float]:
    """What a training would report: a learning rate of 0.003 is best, one above 0.05 diverges."""
    diverged = learning_rate > 0.05
    error = 1.0 if diverged else min(0.9, round(abs(math.log10(learning_rate / 0.003)) / 3 + 0.01 * (replicate % 3), 3))
    history = {
        f"{name}/{epoch}": float(epoch if name == "epoch" else 0.25 * epoch)
        for epoch in range(1, epochs + 1)
        for name in ("epoch", "learning_rate", "loss", "accuracy", "validation_loss", "validation_accuracy")
    }
    if diverged:
        history[f"loss/{epochs}"] = math.nan
    return {"validation error": error, "diverged": float(diverged), **history}


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
