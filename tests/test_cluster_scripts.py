"""docs/cluster: what a cluster is told to run exists, down to the options and the stages."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scramble.command_line import parser

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/cluster"
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def commands(name: str) -> list[list[str]]:
    """Every call of DVC and of this package in a file, as a list of arguments; the shell's variables stay."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    found = re.findall(r"(?:\bdvc|\bpython src/scramble) [^|;`\n]*", text)
    return [shlex.split(command, comments=True) for command in found]


@pytest.mark.parametrize("name", ["README.md", "slurm.sh"])
def test_commands_have_their_options(name: str) -> None:
    from dvc.cli import parse_args

    called = commands(name)
    assert {command[0] for command in called} == {"dvc", "python"}
    for command in called:
        if command[0] == "python":
            assert parser().parse_args(command[2:]).stage == "train"
        else:
            parse_args(command[1:])


@pytest.mark.parametrize("name", ["README.md", "slurm.sh"])
def test_commands_name_stages(name: str) -> None:
    for _, action, *arguments in (command for command in commands(name) if command[0] == "dvc"):
        targets = [argument for argument in arguments if not argument.startswith("-")]
        if action != "stage":
            stages = {target.rpartition(":")[2].partition("@")[0] for target in targets}
            assert stages - {"$stages"} <= set(STAGES), (action, targets)


def test_the_slurm_script_is_bash() -> None:
    subprocess.run(["bash", "-n", str(FOLDER / "slurm.sh")], check=True)


def test_the_tfjob_trains_a_cell() -> None:
    document = yaml.safe_load((FOLDER / "tfjob.yaml").read_text(encoding="utf-8"))
    assert (document["apiVersion"], document["kind"]) == ("kubeflow.org/v1", "TFJob")
    worker = document["spec"]["tfReplicaSpecs"]["Worker"]
    (container,) = worker["template"]["spec"]["containers"]
    assert container["name"] == "tensorflow"
    python, package, *arguments = container["command"] + container["args"]
    assert (python, package) == (".venv/bin/python", "src/scramble")
    assert parser().parse_args(arguments).stage == "train"
