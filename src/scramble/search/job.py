"""What is searched, and what the trainings of a search depend on."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import scramble
from scramble import checkpoints, params
from scramble.paths import StudyPaths

OBJECTIVE = "validation error"
TRIAL_REPLICATES = 1_000_000
"""The first replicate of the trials: neither seeds nor draws are those of a training, whose replicates start at 0."""
FRESH_REPLICATES = 2_000_000
"""The first replicate that the winner is trained again with."""
CODE = (
    *("training", "layers", "models", "permutations", "inputs.py", "optimizers.py", "distribution.py"),
    "search/training.py",
)
"""What of this package a training's bytes depend on, beside its recipe."""


@dataclass(frozen=True)
class Job:
    """The search for one cell of a study's grid."""

    study: params.Study
    model: str
    permutation: str
    search: params.Search

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.study.study)

    @property
    def name(self) -> str:
        return f"{self.model} {self.permutation}"

    @property
    def cell(self) -> str:
        """Tells the cell from others of other studies."""
        return f"{self.study.study}/{self.model}/{self.permutation}"

    @property
    def trial_replicates(self) -> range:
        return range(TRIAL_REPLICATES, TRIAL_REPLICATES + self.search.tune.replicates)

    def replicates_of(self, trial: str) -> range:
        """What a trial is to be trained with, by its name: a number or, for the winner's, `fresh` and a number."""
        if not trial.startswith("fresh"):
            return self.trial_replicates
        replicate = FRESH_REPLICATES + int(trial.removeprefix("fresh"))
        return range(replicate, replicate + 1)

    def inputs(self) -> str:
        """Stands for all that every training of this search depends on, but the machine: SHA-256.

        The test split is not among it.
        """
        files = (self.paths.dataset, self.paths.train_split, self.paths.architecture(self.model))
        spec = self.study.permutations[self.permutation]
        architecture = self.study.models[self.model].architecture
        return checkpoints.key(files, _code(), architecture, spec, self.study.seed, self.study.compute)


def _code() -> str:
    """Stands for the code behind a training, wherever the package lies."""
    package = Path(scramble.__file__).parent
    digest = hashlib.sha256()
    for room in CODE:
        for path in sorted((package / room).rglob("*.py")) or [package / room]:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def stamp(inputs: str, setting: params.Setting, replicates: Iterable[int]) -> str:
    """Stands for all trainings of a trial: what a worker has to agree upon with its chief."""
    return hashlib.sha256(f"{fingerprint(inputs, setting)} {list(replicates)}".encode()).hexdigest()[:32]


def fingerprint(inputs: str, setting: params.Setting) -> str:
    """Stands for a training of these inputs by this setting, under any replicate."""
    options = setting.options.model_dump(mode="json")
    document = [inputs, setting.recipe.model_dump(mode="json"), options]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()[:32]
