"""Where the numbers of a report come from: per stage its command, its code, and the files that it wrote.

All of it is a function of the code that the stages depend on, of the params and of the files on the disk. A commit is
the last one that changed the code of a stage, as dvc.yaml names it: neither a later commit that leaves this code as it
is, nor the one that holds the report itself, changes a byte of the report.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from scramble import verdicts
from scramble.params import Study

ROOT = Path(__file__).resolve().parents[3]
"""The tree that this code runs from, with dvc.yaml and Git's history, whatever folder a study is in."""

NO_HISTORY = "not known: no Git history here"
CUT_OFF = "not known: the Git history here is cut off (a shallow clone)"
NO_COMMIT = "not committed"
UNCOMMITTED = "with changes that are not committed"


@dataclass(frozen=True)
class StageRecord:
    """How a stage of the study made what it made."""

    name: str
    command: str
    """With <model> and <permutation> where there is one command for each."""
    repeated: str
    """How often, in words."""
    params: tuple[str, ...]
    """The keys of params.yaml that it depends on."""
    reads: tuple[str, ...]
    """Files and folders of the study that it depends on."""
    code: tuple[str, ...]
    """Files and folders of the package that it depends on."""
    code_digest: str
    """SHA-256 of all files of `code`."""
    commit: str
    """The last commit that changed `code`, or why it is not known."""
    files: Mapping[str, str]
    """SHA-256 of every file that it wrote and that the report could read."""


def records(study: Study, root: Path = ROOT) -> list[StageRecord]:
    """Every stage that the dvc.yaml in `root` defines, in its order; [] where the code runs from no repository.

    The files of the study are those below the working directory.
    """
    path = root / "dvc.yaml"
    if not path.is_file():
        return []
    stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    readable = [Path(_filled(dep, study, {})) for dep in stages["report"]["deps"]]
    return [_record(name, stage, study, readable, root) for name, stage in stages.items()]


def _record(name: str, stage: dict[str, Any], study: Study, readable: Sequence[Path], root: Path) -> StageRecord:
    words = {each: f"<{each}>" for each in stage.get("matrix", {})}
    deps = [_filled(dep, study, words) for dep in stage["deps"]]
    code = tuple(dep for dep in deps if dep.startswith("src/"))
    keys = [key for entry in stage["params"] for keys in entry.values() for key in keys]
    return StageRecord(
        name=name,
        command=_filled(stage["cmd"], study, words),
        repeated=" × ".join(f"{len(getattr(study.grid, f'{each}s'))} {each}s" for each in words) or "once",
        params=tuple(_filled(key, study, words) for key in keys),
        reads=tuple(dep for dep in deps if dep not in code),
        code=code,
        code_digest=_digest(code, root),
        commit=last_commit(code, root),
        files=verdicts.digests(path.as_posix() for path in _written(stage, study, readable)),
    )


def _filled(template: str, study: Study, cell: Mapping[str, str]) -> str:
    """A text of dvc.yaml for one cell of the study's grid."""
    values = {"study": study.study, "params": study.params} | {f"item.{key}": value for key, value in cell.items()}
    return re.sub(r"\$\{([^}]*)\}", lambda found: values[found[1]], template)


def _written(stage: dict[str, Any], study: Study, readable: Sequence[Path]) -> Iterator[Path]:
    """The files that lie where the stage writes, in every cell; only those that the report depends on."""
    axes = [[(each, name) for name in getattr(study.grid, f"{each}s")] for each in stage.get("matrix", {})]
    for cell in map(dict, product(*axes)):
        for out in stage["outs"]:
            path = Path(_filled(out if isinstance(out, str) else next(iter(out)), study, cell))
            if any(path == dep or dep in path.parents for dep in readable):
                yield from _files(path)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return [each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts]


def _digest(paths: Iterable[str], root: Path) -> str:
    """SHA-256 of the lines that `sha256sum` would print for the files, in the order of their names."""
    files = {each.relative_to(root).as_posix() for path in paths for each in _files(root / path)}
    digests = verdicts.digests(files, root)
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()).hexdigest()


def last_commit(paths: Sequence[str], root: Path) -> str:
    """The last commit that changed one of `paths`, and whether they have changed since; or why it is not known."""
    shallow = _git(root, "rev-parse", "--is-shallow-repository")
    if shallow != "false":
        return NO_HISTORY if shallow is None else CUT_OFF
    commit = _git(root, "log", "-1", "--format=%H", "--", *paths)
    if not commit:
        return NO_COMMIT
    return f"{commit}, {UNCOMMITTED}" if _git(root, "status", "--porcelain", "--", *paths) else commit


def _git(root: Path, *arguments: str) -> str | None:
    """What Git answers in `root`; None where it has no answer, or where there is no Git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
