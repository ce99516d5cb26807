"""The house rules that no single room can hold: who imports whom, and what dvc.yaml declares."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scramble.paths import StudyPaths
from scramble.search import job

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "scramble"
STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "paths", "quiet", "progress"}),
    frozenset({"params", "artifacts"}),
    frozenset(
        {
            "datasets",
            "permutations",
            "layers",
            "metrics",
            "statistics",
            "environment",
            "processes",
            "checkpoints",
            "clusters",
            "verdicts",
        }
    ),
    frozenset({"models", "ledger", "inputs", "distribution", "optimizers", "events", "figures"}),
    frozenset({"training", "explanations", "summary", "report"}),
    frozenset({"replicates", "search", "evaluation", "verification"}),
    frozenset({"stages"}),
    frozenset({"command_line"}),
    frozenset({"__main__"}),
)
"""A room may import the rooms of the levels before its own; figures is for stages and the pictures of the report."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, also inside functions and classes."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name, not relatively"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found & set(MODULES)


def closure(module: str) -> set[str]:
    """`module` and every module of the package that importing it can reach, their packages included."""
    reached: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        parent = {name.rpartition(".")[0]} & set(MODULES)
        waiting |= (imports(MODULES[name]) | parent) - reached
    return reached


def room(module: str) -> str:
    """The part of the house that a module belongs to: scramble.models.blocks lives in models."""
    return module.split(".")[1] if "." in module else ""


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if name in rooms)


# --- imports --------------------------------------------------------------------------------------------------


def test_every_room_has_a_level() -> None:
    assert {room(module) for module in MODULES} - {""} <= frozenset().union(*LEVELS)


def test_imports_point_one_way() -> None:
    wrong = []
    for module, path in MODULES.items():
        here = room(module)
        for there in map(room, imports(path)):
            inside = here == there and here != "stages"
            allowed = inside or there == "" or (here != "" and level(there) < level(here))
            draws = here in {"figures", "stages"} or module.startswith("scramble.report.pictures")
            if not allowed or (there == "figures" and not draws):
                wrong.append(f"{module} imports {there}")
    assert not wrong


def test_only_figures_imports_matplotlib() -> None:
    pattern = re.compile(r"^\s*(import|from) matplotlib", re.MULTILINE)
    importers = {name for name, path in MODULES.items() if pattern.search(path.read_text(encoding="utf-8"))}
    assert {room(name) for name in importers} == {"figures"}


def test_bad_input_is_refused_without_waiting_for_tensorflow() -> None:
    names = ["scramble.__main__", *(name for name in MODULES if room(name) in {"params", "stages"})]
    program = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}]; "
        "print(*{'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


# --- dvc.yaml -------------------------------------------------------------------------------------------------


def filled(template: str) -> str:
    """A path of dvc.yaml for the study `study`, the model `model` and the permutation `permutation`."""
    path = re.sub(r"\$\{(?:item\.)?(study|model|permutation)\}", r"\1", template)
    assert "$" not in path, f"a path may hold the study, the model and the permutation only: {template}"
    return path


def outs(stage: str) -> set[Path]:
    entries = STAGES[stage]["outs"]
    return {Path(filled(next(iter(entry)) if isinstance(entry, dict) else entry)) for entry in entries}


def deps(stage: str) -> set[Path]:
    return {Path(filled(entry)) for entry in STAGES[stage]["deps"]}


def covers(folder_or_file: Path, path: Path) -> bool:
    return folder_or_file == path or folder_or_file in path.parents


def code_reached(stage: str) -> set[Path]:
    """The files behind a stage, relative to the repository: modules, and what lies beside them in their package."""
    reached = {MODULES[module] for module in closure(f"scramble.stages.{stage}")}
    packages = {path.parent for path in reached if path.name == "__init__.py"} - {PACKAGE}
    assets = {path for package in packages for path in package.glob("*") if path.suffix not in {"", ".py"}}
    return {path.relative_to(ROOT) for path in reached | assets}


def code_deciding(stage: str) -> set[Path]:
    """The files whose change can change a stage's result.

    What a stage prints, where it writes and how it fails cannot. Where its values arrive through params keys and files
    alone, the code that checks params.yaml cannot either: a new option must not retrain every model.
    """
    without_effect = {"__init__.py", "stages/__init__.py", "errors.py", "paths.py", "quiet.py", "progress.py"}
    if stage in {"train", "evaluate", "verify", "report"}:
        without_effect |= {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "params").glob("*.py")}
    return code_reached(stage) - {PACKAGE.relative_to(ROOT) / name for name in without_effect}


def test_every_stage_has_its_module() -> None:
    assert set(STAGES) == {name.rpartition(".")[2] for name in MODULES if name.startswith("scramble.stages.")}
    for name, stage in STAGES.items():
        assert stage["cmd"].startswith(f"python src/scramble {name} ")


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_the_code_behind_a_stage(stage: str) -> None:
    declared = {path for path in deps(stage) if path.parts[0] == "src"}
    assert {path for path in declared if not (ROOT / path).exists()} == set()
    missing = {path for path in code_deciding(stage) if not any(covers(dep, path) for dep in declared)}
    needless = {dep for dep in declared if not any(covers(dep, path) for path in code_reached(stage))}
    assert (missing, needless) == (set(), set())


def test_the_journal_of_a_search_is_keyed_by_the_code_behind_a_training() -> None:
    """Settings, seeds, data and compute are in the key as values: not the code that reads them, nor that of the key."""
    in_the_key = {"artifacts.py", "checkpoints.py", "clusters.py", "errors.py", "paths.py"}
    in_the_key |= {"search/job.py", "search/journal.py", "__init__.py", "search/__init__.py"}
    reached = {MODULES[name].relative_to(PACKAGE) for name in closure("scramble.search.training")}
    behind = {path for path in reached if path.as_posix() not in in_the_key and path.parts[0] != "params"}
    keyed = {Path(room) for room in job.CODE}
    missing = {path for path in behind if not any(covers(part, path) for part in keyed)}
    needless = {part for part in keyed if not any(covers(part, path) for path in reached)}
    assert (missing, needless) == (set(), set())


@pytest.mark.parametrize("stage", STAGES)
def test_deps_that_are_no_code_are_outs_of_another_stage(stage: str) -> None:
    written = {path for other in STAGES if other != stage for path in outs(other)}
    read = {path for path in deps(stage) if path.parts[0] != "src"}
    assert {path for path in read if not any(covers(path, out) or covers(out, path) for out in written)} == set()


def test_outs_are_where_paths_says() -> None:
    paths = StudyPaths("study")
    expected = {
        "fetch": {paths.train_split, paths.test_split, paths.dataset, paths.samples},
        "permute": {paths.permutation("permutation")},
        "describe": {paths.architecture("model"), paths.ledger("model")},
        "tune": {
            paths.recipe("model", "permutation"),
            paths.search("model", "permutation"),
            paths.search_events("model", "permutation"),
        },
        "train": {paths.replicates("model", "permutation"), paths.events("model", "permutation")},
        "evaluate": {paths.predictions("model")},
        "verify": {paths.verification},
    }
    assert {stage: outs(stage) for stage in STAGES if stage != "report"} == expected
    assert {out.parent for out in outs("report")} == {paths.report, paths.summaries.parent}
    assert paths.summaries in outs("report")
