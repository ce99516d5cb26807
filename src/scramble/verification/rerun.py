"""A finished stage once more: in a new process and in a tree of its own, the originals only linked in."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scramble import artifacts
from scramble.errors import UserError
from scramble.params import Study
from scramble.verification.lock import FinishedStage

SCRATCH = Path(".scramble/verify")
GRACE_SECONDS = 20
FOLDERS = ("SCRAMBLE_MIRROR", "SCRAMBLE_CACHE")
"""Variables that may name a folder relative to the repository, which a command does not run in here."""


def check_possible(stages: Iterable[FinishedStage], study: Study) -> None:
    """Refuses what a tree of its own and one process cannot repeat.

    Raises:
        UserError: a stage was run by several processes together, or reads data beside the repository by a relative
            path.
    """
    for stage in stages:
        if stage.name.partition("@")[0] == "train" and study.compute.strategy == "multi_worker":
            raise UserError(
                f"{stage.name} was trained by {study.compute.workers} workers: a multi_worker study cannot be verified "
                "in one process, name stages other than train"
            )
        for path in _own_data(study, stage):
            if ".." in path.parts:
                raise UserError(
                    f"{study.params}: dataset names {path}, which leads out of the tree that {stage.name} is executed "
                    "again in: give an absolute path"
                )


@contextmanager
def reexecuted(study: Study, stage: FinishedStage) -> Iterator[Path]:
    """Executes the stage's command in a new tree and gives the tree, which is removed when the block ends.

    The tree holds links to what the stage reads: its dependencies, the code and the params.yaml. What it writes is
    new there.

    Raises:
        UserError: the command fails.
    """
    tree = SCRATCH / study.study / stage.name
    artifacts.remove(tree)
    try:
        for path in sorted({*map(Path, stage.deps), Path("src"), Path(study.params), *_own_data(study, stage)}):
            if path.exists() and not (tree / path).exists():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).symlink_to(path.absolute())
        _execute(stage, tree)
        yield tree
    finally:
        artifacts.remove(tree)
        with suppress(OSError):
            for folder in (tree.parent, SCRATCH, SCRATCH.parent):
                folder.rmdir()


def _own_data(study: Study, stage: FinishedStage) -> list[Path]:
    """The user's folder that `fetch` reads, where it is named relative to the repository; DVC does not watch it."""
    if stage.name != "fetch":
        return []
    named = [Path(getattr(study.dataset, key, None) or "") for key in ("folder", "mirror")]
    return [path for path in named if path != Path() and not path.is_absolute()]


def _execute(stage: FinishedStage, tree: Path) -> None:
    program, *arguments = shlex.split(stage.command)
    program = sys.executable if program == "python" else program
    process = subprocess.Popen(
        [program, *arguments],
        cwd=tree,
        env={**os.environ, **{name: _absolute(os.environ[name]) for name in FOLDERS if os.environ.get(name)}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        _, errors = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"{stage.name} cannot be executed again, its status is {process.returncode}: {last}")


def _absolute(folder: str) -> str:
    return os.path.abspath(os.path.expanduser(folder))


def _end(process: subprocess.Popen[str]) -> None:
    """Ends the process in a way that lets it end its own workers."""
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
