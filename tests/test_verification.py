"""`scramble verify`: finished stages once more, in a small study whose stages are a script of a few lines."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

import synthetic_study
from scramble import params, verdicts
from scramble.__main__ import main
from scramble.stages import verify
from scramble.verification import lock
from scramble.verification.console import VerificationProgress

ROOT = Path(__file__).parent.parent
REPORT = Path("reports/synthetic")
CELLS = ["train@mlp-identity", "train@mlp-pixels"]
SCRIPT = """
import os, pathlib, sys, time
source, cell = pathlib.Path("data/input.txt"), sys.argv[1]
if os.environ.get("REFUSE") == cell:
    sys.exit("first line\\nerror: refused")
if os.environ.get("WAIT") == cell:
    pathlib.Path(os.environ["STARTED"]).write_text(str(os.getpid()))
    time.sleep(60)
for folder in ("models", "runs"):
    target = pathlib.Path(folder) / cell
    target.mkdir(parents=True)
    (target / "text.csv").write_text("value\\n" + source.read_text() + os.environ.get("CHANGE", ""))
assert source.is_symlink() == ("verify" in pathlib.Path.cwd().parts)
"""


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def study() -> params.Study:
    """A study of one model and two permutations, two cells of which are finished."""
    description = synthetic_study.document(models=("mlp",))
    Path("params.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    Path("src").mkdir()
    Path("src/stage.py").write_text(SCRIPT, encoding="utf-8")
    Path("data").mkdir()
    Path("data/input.txt").write_text("0.5", encoding="utf-8")
    stages = {}
    for name in CELLS:
        cell = name.partition("@")[2]
        subprocess.run([sys.executable, "src/stage.py", cell], check=True)
        stages[name] = finished(f"python src/stage.py {cell}", [f"models/{cell}", f"runs/{cell}"])
    write_lock({**stages, "verify": finished("python src/stage.py verify", [])})
    return params.load(Path("params.yaml"))


def finished(command: str, outs: list[str]) -> dict[str, Any]:
    """An entry of dvc.lock."""
    hashed = [{"path": path, "hash": "md5", "md5": lock.dvc_hash(Path(path))} for path in ["data/input.txt", *outs]]
    return {"cmd": command, "deps": hashed[:1], "params": {"params.yaml": {"seed": 1, "grid.models": ["mlp"]}}} | (
        {"outs": hashed[1:]} if outs else {}
    )


def write_lock(stages: dict[str, Any]) -> None:
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False), encoding="utf-8")


def recorded() -> dict[str, Any]:
    return json.loads((REPORT / "verification.json").read_text(encoding="utf-8"))


def contents() -> dict[str, bytes]:
    """Every file but what verification writes itself."""
    files = [path for path in Path().rglob("*") if path.is_file() and REPORT not in path.parents]
    return {path.as_posix(): path.read_bytes() for path in files}


# --- the command ----------------------------------------------------------------------------------------------


def test_identical(study: params.Study, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents()
    assert main(["verify"]) == 0
    assert contents() == before
    assert not Path(".scramble").exists()
    found = recorded()["stages"]
    assert {name: stage["verdict"] for name, stage in found.items()} == dict.fromkeys(CELLS, "identical")
    assert found[CELLS[0]]["outputs"] == verdicts.digests(
        ["models/mlp-identity/text.csv", "runs/mlp-identity/text.csv"]
    )
    printed = capsys.readouterr().out
    assert "2 of 2 finished stages verified" in printed
    assert "2/2 train@mlp-pixels: identical" in printed
    assert "about 0:00 left" in printed


def test_the_same_findings_are_the_same_bytes(study: params.Study) -> None:
    main(["verify"])
    once = (REPORT / "verification.json").read_bytes()
    main(["verify"])
    assert (REPORT / "verification.json").read_bytes() == once


@pytest.mark.parametrize(
    ("change", "tolerance", "verdict", "status"),
    [
        ("0000001", "1e-5", "equal within tolerance", 0),
        ("0000001", "1e-8", "different", 1),
        ("1", "1e-5", "different", 1),
    ],
)
def test_verdict_and_exit_status(
    study: params.Study,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
    tolerance: str,
    verdict: str,
    status: int,
) -> None:
    monkeypatch.setenv("CHANGE", change)
    assert main(["verify", "--tolerance", tolerance, CELLS[0]]) == status
    (found,) = recorded()["stages"].values()
    assert (found["verdict"], found["tolerance"]) == (verdict, float(tolerance))
    assert found["differences"][0]["where"] == "row 1, value"
    assert f"{CELLS[0]}: models/mlp-identity/text.csv: row 1, value differs by" in capsys.readouterr().out


def test_verdicts_accumulate_until_their_outputs_change(study: params.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["verify", CELLS[1]])
    monkeypatch.setenv("CHANGE", "1")
    main(["verify", CELLS[0]])
    assert [stage["verdict"] for stage in recorded()["stages"].values()] == ["different", "identical"]
    kept = (REPORT / "verification.json").read_bytes()
    verify.run(study)
    assert (REPORT / "verification.json").read_bytes() == kept
    Path("runs/mlp-identity/text.csv").write_text("changed")
    verify.run(study)
    assert list(recorded()["stages"]) == [CELLS[1]]
    Path("runs/mlp-pixels/text.csv").unlink()
    main(["verify", "--recorded"])
    assert recorded() == {"study": "synthetic", "stages": {}, "controls": {"results": [], "files": {}}}


def test_a_cell_that_left_the_grid_leaves_the_findings(study: params.Study) -> None:
    main(["verify"])
    smaller = synthetic_study.document(models=("mlp",), permutations={"pixels": {"family": "pixels"}})
    verify.run(params.Study.model_validate(smaller))
    assert list(recorded()["stages"]) == [CELLS[1]]


def test_the_verdict_on_the_report_is_told_but_not_shown_in_it(
    study: params.Study, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = finished("python src/stage.py mlp-identity", ["models/mlp-identity", "runs/mlp-identity"])
    write_lock({"report": entry})
    assert main(["verify", "report"]) == 0
    assert "1/1 report: identical" in capsys.readouterr().out
    assert recorded()["stages"] == {}


def test_a_report_that_does_not_show_the_last_findings_is_left_out(
    study: params.Study, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every verification rewrites what the report reads."""
    train = finished("python src/stage.py mlp-identity", ["models/mlp-identity", "runs/mlp-identity"])
    findings = (REPORT / "verification.json").as_posix()
    main(["verify", "--recorded"])
    read = {"path": findings, "hash": "md5", "md5": lock.dvc_hash(Path(findings))}
    shown = finished("python src/stage.py mlp-pixels", ["models/mlp-pixels", "runs/mlp-pixels"])
    write_lock({"train@mlp-identity": train, "report": shown | {"deps": [*shown["deps"], read]}})
    left_out = "report is left out: it does not show the last findings yet, `dvc repro` mends that"
    assert main(["verify"]) == 0
    printed = capsys.readouterr().out
    assert "2/2 report: identical" in printed
    assert left_out not in printed
    assert main(["verify"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(left_out) == 1
    assert "1/1 train@mlp-identity: identical" in printed
    assert "1 of 1 finished stages verified" in printed
    assert main(["verify", "report"]) == 1
    assert f"{findings}, which report reads, has changed since: run `dvc repro` first" in capsys.readouterr().err
    Path("runs/mlp-pixels/text.csv").write_text("changed")
    assert main(["verify"]) == 1
    assert "runs/mlp-pixels, which report wrote, has changed since" in capsys.readouterr().err


def test_controls_are_kept_beside_the_files_that_they_were_run_with(study: params.Study) -> None:
    control = verdicts.Control(name="rows", expected="0", measured="0", passed=True)
    for path in verdicts.control_files(study):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)
    files = verdicts.digests(verdicts.control_files(study))
    assert len(files) == 4
    found = verdicts.Document(study="synthetic", controls=verdicts.Controls(results=(control,), files=files))
    verdicts.save(study, found)
    assert verdicts.load(study) == found
    Path("models/synthetic/mlp/pixels/replicates/0/model.weights.h5").write_text("trained anew")
    assert verdicts.load(study) == verdicts.Document(study="synthetic")


# --- refusals -------------------------------------------------------------------------------------------------


REFUSED_NAMES = {
    "trian": r"unknown finished stage 'trian': did you mean 'train'\? known: train$",
    "train@mlp-pixel": r"did you mean 'train@mlp-pixels'\? known: train@mlp-identity, train@mlp-pixels$",
    "verify": r"unknown finished stage 'verify'",
    "--study=synthetik": r"--study: unknown study 'synthetik': did you mean 'synthetic'\?",
}


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_unknown_names(study: params.Study, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["verify", name]) == 1
    assert re.search(REFUSED_NAMES[name], capsys.readouterr().err)


REFUSED_FILES = {
    ("dvc.lock", None): "dvc.lock holds no finished stage of the study synthetic: run `dvc repro` first",
    ("dvc.lock", "stages: {train: 1}"): "dvc.lock is damaged .*: run `dvc repro`",
    ("dvc.lock", "- ["): "dvc.lock is damaged .*: run `dvc repro`",
    (
        "runs/mlp-pixels",
        None,
    ): "runs/mlp-pixels, which train@mlp-pixels wrote, is missing: run `dvc checkout` or `dvc r",
    ("runs/mlp-pixels/text.csv", None): "runs/mlp-pixels, which train@mlp-pixels wrote, has changed since: run `dvc r",
    ("models/mlp-pixels/text.csv", "1"): "models/mlp-pixels, which train@mlp-pixels wrote, has changed since",
    ("data/input.txt", "1"): "data/input.txt, which train@mlp-identity reads, has changed since: run `dvc repro` first",
    ("data/input.txt", None): "data/input.txt, which train@mlp-identity reads, is missing: run `dvc checkout`",
    ("reports/synthetic/verification.json", "{}"): r"verification.json is damaged \(at study\)",
}


@pytest.mark.parametrize(("path", "text"), REFUSED_FILES)
def test_refused(study: params.Study, capsys: pytest.CaptureFixture[str], path: str, text: str | None) -> None:
    said = REFUSED_FILES[path, text]
    if text is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    elif Path(path).is_dir():
        shutil.rmtree(path)
    else:
        Path(path).unlink()
    assert main(["verify"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert re.search(said, error)


def test_changed_parameters_are_refused(study: params.Study, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.replace("\nseed: 1", "\nseed: 2"), encoding="utf-8")
    assert main(["verify"]) == 1
    assert "params.yaml: seed has changed since train@mlp-identity was run" in capsys.readouterr().err


def test_a_training_of_several_workers_is_refused_before_anything_starts(
    study: params.Study, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = synthetic_study.document(models=("mlp",), compute={"strategy": "multi_worker", "workers": 2})
    Path("params.yaml").write_text(yaml.safe_dump(workers), encoding="utf-8")
    assert main(["verify"]) == 1
    said = "train@mlp-identity was trained by 2 workers: a multi_worker study cannot be verified in one process"
    assert said in capsys.readouterr().err
    assert not (REPORT / "verification.json").exists()


def test_a_command_that_fails_is_told_and_what_was_found_is_kept(
    study: params.Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REFUSE", "mlp-pixels")
    assert main(["verify"]) == 1
    said = "train@mlp-pixels cannot be executed again, its status is 1: error: refused"
    assert said in capsys.readouterr().err
    assert list(recorded()["stages"]) == [CELLS[0]]
    assert not Path(".scramble").exists()


@pytest.mark.parametrize("tolerance", ["-1", "1", "nan", "small"])
def test_tolerances_are_small_numbers(tolerance: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", f"--tolerance={tolerance}"])
    assert stop.value.code == 2
    assert "is not a number from 0 to below 1" in capsys.readouterr().err


def test_a_mistyped_stage_is_refused_before_anything_heavy_is_imported() -> None:
    program = (
        "import sys; from scramble.__main__ import main; status = main(['verify', 'trian']); "
        "print(status, *{'tensorflow', 'keras', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1"]
    assert "unknown finished stage 'trian': did you mean 'train'?" in done.stderr


@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_verification_leaves_what_it_found_and_nothing_else(
    study: params.Study, end: signal.Signals, status: int
) -> None:
    started = Path("started")
    surroundings = {**os.environ, "WAIT": "mlp-pixels", "STARTED": str(started.absolute())}
    command = [sys.executable, str(ROOT / "src/scramble"), "verify"]
    with subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (started.is_file() and started.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert Path(".scramble/verify/synthetic/train@mlp-pixels").is_dir()
        process.send_signal(end)
        assert process.wait(timeout=60) == status
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert not Path(".scramble").exists()
    assert not Path(f"/proc/{started.read_text()}").exists()
    assert list(recorded()["stages"]) == [CELLS[0]]


# --- dvc.lock -------------------------------------------------------------------------------------------------


def test_a_lock_is_read_as_dvc_wrote_it(study: params.Study) -> None:
    """The hashes of files and folders, nested, with names that DVC sorts and with what .dvcignore names."""
    Path("data/sub").mkdir()
    for name in ("a.txt", "sub.txt", "sub/b.txt", "ä.txt", "c.pyc"):
        Path("data", name).write_text(name)
    stages = {
        "train": {
            "matrix": {"model": ["mlp"], "permutation": ["identity", "dropped"]},
            "cmd": "python make.py ${item.permutation}",
            "params": ["seed", "dataset.name", "permutations.pixels"],
            "deps": ["data", "src/stage.py"],
            "outs": ["models/synthetic/${item.permutation}", {"summary_${item.permutation}.json": {"cache": False}}],
        }
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    program = (
        "import pathlib, sys; p = pathlib.Path('models/synthetic', sys.argv[1], 'deep'); p.mkdir(parents=True); "
        "(p / 'w.h5').write_text('w'); pathlib.Path(f'summary_{sys.argv[1]}.json').write_text('{}')"
    )
    Path("make.py").write_text(program)
    surroundings = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(Path("site").absolute())}
    Path("dvc.lock").unlink()
    for arguments in (["init", "--no-scm", "--quiet"], ["repro", "--quiet"]):
        if arguments[0] == "repro":
            Path(".dvcignore").write_text("*.pyc\n__pycache__\n")
        subprocess.run([sys.executable, "-m", "dvc", *arguments], env=surroundings, check=True)
    (stage,) = lock.finished_stages(study).values()
    assert stage.name == "train@mlp-identity"
    assert stage.command == "python make.py identity"
    assert stage.params["params.yaml"]["dataset.name"] == "idx"
    lock.check_unchanged([stage], study)
    Path("data/sub/b.txt").write_text("changed")
    with pytest.raises(Exception, match="data, which train@mlp-identity reads, has changed"):
        lock.check_unchanged([stage], study)


def test_studies_are_found_by_name(study: params.Study) -> None:
    folder = Path("pipelines/other")
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text("# study: no\nstudy: 'other'  # this one\n")
    assert lock.params_file("other") == folder / "params.yaml"
    assert lock.params_file("synthetic") == Path("params.yaml")


def test_the_command_that_makes_a_study(study: params.Study) -> None:
    assert verdicts.repro(study) == "dvc repro"
    elsewhere = study.model_copy(update={"params": "pipelines/lecture/params.yaml"})
    assert verdicts.repro(elsewhere) == "dvc repro pipelines/lecture/dvc.yaml"


def test_the_users_own_folder_is_there_for_fetch(study: params.Study, capsys: pytest.CaptureFixture[str]) -> None:
    Path("given").mkdir()
    Path("given/raw").write_text("raw")
    Path("src/copy.py").write_text("import shutil; shutil.copy('given/raw', 'copied')")
    Path("copied").write_text("raw")
    write_lock({"fetch": finished("python src/copy.py", ["copied"])})
    assert main(["verify", "fetch"]) == 0, capsys.readouterr().err


def test_no_link_is_made_outside_the_tree(study: params.Study, capsys: pytest.CaptureFixture[str]) -> None:
    beside = synthetic_study.document(models=("mlp",), dataset={"name": "mnist", "mirror": "../../given"})
    Path("params.yaml").write_text(yaml.safe_dump(beside), encoding="utf-8")
    write_lock({"fetch": finished("python src/stage.py mlp-identity", ["models/mlp-identity", "runs/mlp-identity"])})
    before = contents()
    assert main(["verify"]) == 1
    said = "params.yaml: dataset names ../../given, which leads out of the tree that fetch is executed again in: give"
    assert said in capsys.readouterr().err
    assert contents() == before


@pytest.mark.parametrize("variable", ["SCRAMBLE_MIRROR", "SCRAMBLE_CACHE"])
def test_folders_of_the_environment_stay_the_same_ones(
    study: params.Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "../somewhere")
    Path("src/say.py").write_text(f"import os, pathlib; pathlib.Path('said').write_text(os.environ['{variable}'])")
    Path("said").write_text(str(Path.cwd().parent / "somewhere"))
    write_lock({"fetch": finished("python src/say.py", ["said"])})
    assert main(["verify", "fetch"]) == 0, capsys.readouterr().out


def test_time_left_is_that_of_stages_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 10, 10, 40, 40, 50, 50])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    steps = ["tune@a", "train@a", "tune@b", "train@b", "report"]
    progress = VerificationProgress(steps, Console(quiet=True))
    lines: list[str] = []
    monkeypatch.setattr(progress._console, "print", lambda line, **_: lines.append(line))
    monkeypatch.setattr(progress, "_bar", type("Bar", (), {"update": lambda *_, **__: None})())
    for _ in range(3):
        progress.done("identical")
    assert lines[0] == "1/5 tune@a: identical, 10.0 s; about 0:40 left"
    assert lines[1].endswith("30.0 s; about 1:00 left")  # tune 10, train 30, and report as their mean
    assert lines[2].endswith("about 0:47 left")
