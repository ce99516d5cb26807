"""What the report says of its own making, in repositories made for a test."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

import synthetic_study
from scramble import params
from scramble.report import provenance

DVC_YAML = Path(__file__).parent.parent / "dvc.yaml"
CODE = Path("src/scramble/stages/train.py")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(DVC_YAML, tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def study():
    return params.Study.model_validate(synthetic_study.document())


def record(study, stage):
    return next(each for each in provenance.records(study, Path.cwd()) if each.name == stage)


def git(*arguments):
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(path, text):
    """Commits a file and returns the commit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git("add", str(path))
    git("commit", "--quiet", "--message", text)
    return git("rev-parse", "HEAD")


def test_every_stage_with_its_command_its_keys_and_what_it_reads(study):
    train = record(study, "train")
    assert train.command == (
        "python src/scramble train --params params.yaml --model <model> --permutation <permutation>"
    )
    assert train.repeated == "2 models × 2 permutations"
    assert train.params == ("study", "seed", "replicates", "compute")
    assert "models/synthetic/<model>/<permutation>/recipe" in train.reads
    assert "src/scramble/training" in train.code
    assert record(study, "fetch").repeated == "once"


def test_the_hash_of_every_file_that_the_grid_has_and_the_report_depends_on(study):
    weights = Path("models/synthetic/mlp/pixels/replicates/0/model.weights.h5")
    events = Path("runs/synthetic/mlp/pixels/0/events")
    other = Path("models/synthetic/mlp/dropped/replicates/0/model.weights.h5")
    for path in (weights, events, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"bytes")
    assert record(study, "train").files == {weights.as_posix(): hashlib.sha256(b"bytes").hexdigest()}


def test_the_digest_of_the_code_is_that_of_names_and_contents(study):
    CODE.parent.mkdir(parents=True)
    CODE.write_text("code")
    line = f"{hashlib.sha256(b'code').hexdigest()}  {CODE.as_posix()}\n"
    assert record(study, "train").code_digest == hashlib.sha256(line.encode()).hexdigest()
    cached = CODE.parent / "__pycache__/train.pyc"
    cached.parent.mkdir()
    cached.touch()
    assert record(study, "train").code_digest == hashlib.sha256(line.encode()).hexdigest()


def test_the_commit_is_the_last_that_changed_the_code_of_the_stage(study):
    git("init", "--quiet")
    first = commit(CODE, "code")
    assert record(study, "train").commit == first
    commit(Path("reports/synthetic/report.html"), "the report")
    commit(Path("src/scramble/stages/fetch.py"), "code of another stage")
    assert record(study, "train").commit == first, "the commit of a report would change the report"
    CODE.write_text("changed")
    assert record(study, "train").commit == f"{first}, {provenance.UNCOMMITTED}"
    assert record(study, "evaluate").commit == provenance.NO_COMMIT
    assert commit(CODE, "changed") == record(study, "train").commit != first


def test_a_clone_says_the_same_and_a_shallow_one_that_it_cannot_know(study, tmp_path, monkeypatch):
    git("init", "--quiet")
    commit(CODE, "code")
    commit(Path("dvc.yaml"), DVC_YAML.read_text(encoding="utf-8"))
    here = provenance.records(study, tmp_path)
    git("clone", "--quiet", ".", "clone")
    git("clone", "--quiet", "--depth", "1", tmp_path.as_uri(), "shallow")
    monkeypatch.chdir(tmp_path / "clone")
    assert provenance.records(study, tmp_path / "clone") == here
    monkeypatch.chdir(tmp_path / "shallow")
    assert record(study, "train").commit == provenance.CUT_OFF


def test_without_a_history_or_without_git(study, monkeypatch):
    assert record(study, "train").commit == provenance.NO_HISTORY
    monkeypatch.setenv("PATH", "")
    assert record(study, "train").commit == provenance.NO_HISTORY


def test_code_that_runs_from_no_repository(study):
    Path("dvc.yaml").unlink()
    assert provenance.records(study, Path.cwd()) == []


def test_the_code_is_that_which_runs_wherever_the_study_is(study, tmp_path, monkeypatch):
    """As `verify` executes the report: in a folder of its own, with links to what the report reads."""
    weights = Path("models/synthetic/mlp/pixels/replicates/0/model.weights.h5")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"bytes")
    here = provenance.records(study)
    assert [each.name for each in here][-1] == "report"
    Path("elsewhere").mkdir()
    Path("elsewhere/models").symlink_to(tmp_path / "models")
    monkeypatch.chdir("elsewhere")
    assert provenance.records(study) == here
