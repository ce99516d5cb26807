"""A study by its name, and what its dvc.lock says of finished stages. DVC itself is not imported."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from scramble.errors import UserError, unknown_name
from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.verdicts import in_grid, repro


@dataclass(frozen=True)
class FinishedStage:
    """A stage as dvc.lock holds it."""

    name: str
    command: str
    deps: dict[str, str]
    """DVC's hash by path."""
    outs: dict[str, str]
    """DVC's hash by path."""
    params: dict[str, dict[str, Any]]
    """Values by file and dotted key."""


def params_file(name: str) -> Path:
    """The params.yaml of the study `name`, in the root or in pipelines/.

    Raises:
        UserError: there is no such study.
    """
    known = {}
    for path in sorted(Path().glob("pipelines/*/params.yaml")) + sorted(Path().glob("params.yaml")):
        if match := re.search(r"^study:\s*[\"']?(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            known[match[1]] = path
    if name not in known:
        raise UserError(f"--study: {unknown_name('study', name, known)}")
    return known[name]


def finished_stages(study: Study) -> dict[str, FinishedStage]:
    """Every stage of the study's grid that dvc.lock holds, except `verify` itself.

    Raises:
        UserError: there is no dvc.lock, it is damaged, or no stage of the grid is in it.
    """
    path = Path(study.params).with_name("dvc.lock")
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"] if path.is_file() else {}
        found = [_stage(name, entry) for name, entry in stages.items()]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}): run `{repro(study)}`") from None
    finished = {stage.name: stage for stage in found if stage.name != "verify" and in_grid(stage.name, study)}
    if not finished:
        raise UserError(f"{path} holds no finished stage of the study {study.study}: run `{repro(study)}` first")
    return finished


def _stage(name: str, entry: dict[str, Any]) -> FinishedStage:
    return FinishedStage(
        name=name,
        command=entry["cmd"],
        deps={each["path"]: each["md5"] for each in entry.get("deps", ())},
        outs={each["path"]: each["md5"] for each in entry.get("outs", ())},
        params=entry.get("params", {}),
    )


def select(finished: dict[str, FinishedStage], names: Sequence[str]) -> list[FinishedStage]:
    """The stages `names`, each a stage (`train`) with all its cells or one cell (`train@mlp-identity`).

    Raises:
        UserError: a name is no finished stage.
    """
    by_stage: dict[str, list[FinishedStage]] = {}
    for name, stage in finished.items():
        by_stage.setdefault(name.partition("@")[0], []).append(stage)
    chosen: dict[str, FinishedStage] = {}
    for name in names:
        if name not in finished and name not in by_stage:
            raise UserError(unknown_name("finished stage", name, finished if "@" in name else by_stage))
        chosen |= {stage.name: stage for stage in by_stage.get(name, [finished.get(name)]) if stage}
    return list(chosen.values())


def without_findings(stage: FinishedStage, study: Study) -> FinishedStage:
    """The stage as if it did not read verification.json, where that changed since: every verification rewrites it."""
    findings = StudyPaths(study.study).verification
    name = findings.as_posix()
    if not findings.is_file() or stage.deps.get(name) in {None, dvc_hash(findings)}:
        return stage
    return replace(stage, deps={path: digest for path, digest in stage.deps.items() if path != name})


# --- whether the lock still speaks of what is on the disk ------------------------------------------------------


def check_unchanged(stages: Iterable[FinishedStage], study: Study) -> None:
    """Holds the parameters, the dependencies and the outputs of `stages` against the lock.

    Raises:
        UserError: one is missing, or changed since.
    """
    hashes: dict[str, str] = {}
    for stage in stages:
        _check_params(stage, study)
        for kind, entries in (("reads", stage.deps), ("wrote", stage.outs)):
            for name, expected in entries.items():
                if not Path(name).exists():
                    raise UserError(
                        f"{name}, which {stage.name} {kind}, is missing: run `dvc checkout` or `{repro(study)}`"
                    )
                if name not in hashes:
                    hashes[name] = dvc_hash(Path(name))
                if hashes[name] != expected:
                    raise UserError(f"{name}, which {stage.name} {kind}, has changed since: run `{repro(study)}` first")


def _check_params(stage: FinishedStage, study: Study) -> None:
    for file, values in stage.params.items():
        document = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        for key, expected in values.items():
            value = document
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value != expected:
                raise UserError(f"{file}: {key} has changed since {stage.name} was run: run `{repro(study)}` first")


def dvc_hash(path: Path) -> str:
    """MD5 of a file's bytes; of a folder, that of the JSON list of its files and their hashes, as DVC writes it."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    listed = sorted(_watched(path), key=lambda file: file.relative_to(path).as_posix())
    entries = [{"md5": dvc_hash(file), "relpath": file.relative_to(path).as_posix()} for file in listed]
    return hashlib.md5(json.dumps(entries).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _watched(folder: Path) -> Iterator[Path]:
    """The files below `folder` that no line of .dvcignore names; its lines are names or patterns of names."""
    ignore = Path(".dvcignore")
    patterns = ignore.read_text(encoding="utf-8").split() if ignore.is_file() else []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(fnmatch(part, pattern) for part in parts for pattern in patterns):
            yield path
