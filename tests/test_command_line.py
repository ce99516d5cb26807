"""`python src/scramble`, as a user types it: help, refusals and exit statuses."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scramble.__main__ import main
from scramble.command_line import ARGUMENTS, STAGES

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_folder_runs_the_code_beside_it(tmp_path: Path) -> None:
    """A copy of the tree runs its own code, wherever another copy is installed."""
    package = tmp_path / "scramble"
    shutil.copytree(ROOT / "src/scramble", package)
    (package / "__init__.py").write_text("print('this very copy')", encoding="utf-8")
    done = subprocess.run([sys.executable, package, "--help"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.startswith("this very copy")
    assert all(stage in done.stdout for stage in STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_help(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([stage, "--help"])
    assert stop.value.code == 0
    assert all(f"--{argument}" in capsys.readouterr().out for argument in ARGUMENTS.get(stage, ())[:1])


def test_a_name_outside_the_grid_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "lenet", "--permutation", "pixels"]) == 1
    assert capsys.readouterr().err == (
        "error: --model: unknown model 'lenet': did you mean 'lenet5'? known: alexnet, lenet5, mlp, resnet20\n"
    )


def test_a_missing_study_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--params", "nowhere.yaml"]) == 1
    assert "nowhere.yaml does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "two", "-1"])
def test_workers_are_counted(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "--model", "mlp", "--permutation", "pixels", f"--workers={workers}"])
    assert stop.value.code == 2
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("others", [["train"], ["--controls"]])
def test_recorded_findings_are_those_of_no_stage(others: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--recorded", *others])
    assert stop.value.code == 2
    assert "--recorded executes nothing: leave out STAGE and --controls" in capsys.readouterr().err


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(study: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scramble.stages.fetch.run", interrupted)
    assert main(["fetch"]) == 130
    assert "run the same command again" in capsys.readouterr().err
