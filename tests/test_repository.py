"""What the repository itself promises: studies, locks, and files that name no machine."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scramble import __version__, params

ROOT = Path(__file__).parent.parent

# --- studies --------------------------------------------------------------------------------------------------

STUDIES = [ROOT, *sorted(path.parent for path in ROOT.glob("pipelines/*/params.yaml"))]


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name if folder != ROOT else "root")
def test_a_study_is_a_params_file_beside_the_same_stages(folder: Path) -> None:
    study = params.load(folder / "params.yaml")
    assert (folder / study.root).resolve() == ROOT.resolve()
    assert ROOT / study.params == folder / "params.yaml"
    if folder != ROOT:
        assert study.study == folder.name
        assert not (folder / "dvc.yaml").is_symlink()
        assert (folder / "dvc.yaml").read_bytes() == (ROOT / "dvc.yaml").read_bytes(), "make pipelines"


def test_every_pipeline_has_its_own_name_and_params() -> None:
    assert {path.name for path in ROOT.glob("pipelines/*/")} == {path.name for path in STUDIES[1:]}
    names = [params.load(folder / "params.yaml").study for folder in STUDIES]
    assert len(set(names)) == len(names)


def test_the_smoke_study_is_a_possible_one() -> None:
    study = params.load(ROOT / ".ci/smoke.yaml")
    assert (study.root, study.params) == ("../..", f"pipelines/{study.study}/params.yaml")


# --- locks and tracked files ----------------------------------------------------------------------------------

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {"requirements.txt": (), "requirements-dev.txt": ("dev",), "requirements-gpu.txt": ("gpu",)}


def locked(lock: str) -> dict[str, set[str]]:
    """The versions of every distribution that a lock pins; markers can make it more than one."""
    pins: dict[str, set[str]] = {}
    for entry in re.sub(r"\\\n", " ", (ROOT / lock).read_text(encoding="utf-8")).splitlines():
        if entry and not entry.lstrip().startswith("#"):
            requirement, *hashes = entry.split("--hash=sha256:")
            assert hashes, f"{lock}: {entry} has no hash"
            name, _, version = requirement.partition(";")[0].strip().partition("==")
            assert version, f"{lock}: {entry} is not pinned"
            pins.setdefault(canonicalize_name(name.partition("[")[0]), set()).add(version)
    return pins


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_satisfy_the_bounds(lock: str) -> None:
    wanted = [*PROJECT["dependencies"]]
    for extra in LOCKS[lock]:
        wanted += PROJECT["optional-dependencies"][extra]
    pins = locked(lock)
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{lock} lacks {requirement.name}: make lock"
        assert all(version in requirement.specifier for version in versions), f"{lock}: {requirement}, {versions}"


@pytest.mark.parametrize("lock", ["requirements-dev.txt", "requirements-gpu.txt"])
def test_every_lock_holds_the_one_for_running(lock: str) -> None:
    pins = locked(lock)
    assert {name: pins.get(name) for name in locked("requirements.txt")} == locked("requirements.txt")


def tracked_text() -> Iterator[tuple[str, str]]:
    """Name and text of every file that Git has or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content:
            yield name, content.decode("utf-8")


def test_tracked_files_name_no_machine_and_no_package_index() -> None:
    machine = re.compile(r"(?<![\w.~*}$-])/(?:work|tmp|root|home|Users|workspace)/")
    outside = re.compile(r"\.\./shared")
    index = re.compile(r"index.url [^ ]*//|//[^ ]*/simple\b|files\.\w+\.org")
    # .ci/run alone may look for the data that its surroundings may hold.
    allowed = {("tests/test_repository.py", machine), ("tests/test_repository.py", index), (".ci/run", outside)}
    found = [
        f"{name}: {match.group()}"
        for name, text in tracked_text()
        for pattern in (machine, index, outside)
        if (match := pattern.search(text)) and (name, pattern) not in allowed
    ]
    assert found == []


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == citation["version"] == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
