"""Studies in folders of their own, run stage by stage by the code of this tree."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks import ROOT
from scramble import params
from scramble.paths import StudyPaths


def clone(folder: Path) -> Path:
    """Clones the last commit into `folder`/clone."""
    target = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    return target


def dvc_repro(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / "dvc"), "repro", *arguments]


def dvc_environment(clone: Path) -> dict[str, str]:
    """The environment of DVC in a clone: its stages run with this Python, with as many workers as fill the cores."""
    kept = {name: value for name, value in os.environ.items() if name != "SCRAMBLE_WORKERS"}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_SITE_CACHE_DIR": str(clone.parent / "site"),
        "DVC_NO_ANALYTICS": "1",
    }


class ScratchStudy:
    """A study in `folder`."""

    def __init__(self, folder: Path, **blocks: Any) -> None:
        """Writes params.yaml.

        Args:
            blocks: `replicates`, `dataset` and `models` as in params.yaml; all models are trained on natural images.
        """
        self.folder = folder
        document = {
            "study": "scratch",
            "root": ".",
            "params": "params.yaml",
            "seed": 1,
            "permutations": {"identity": {"family": "identity"}},
            "grid": {"models": list(blocks["models"]), "permutations": ["identity"]},
            "tune": {"trials": 0},
            "compute": {"strategy": "one_device", "threads": 1},
            "report": {"equivalence_margin": 0.01},
            **blocks,
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "params.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        self.study = params.load(folder / "params.yaml")
        self.paths = StudyPaths(self.study.study)

    def command(self, stage: str, **arguments: str) -> list[str]:
        """The command line of a stage, to be run in the folder."""
        options = [f"--{name}={value}" for name, value in arguments.items()]
        return [sys.executable, str(ROOT / "src/scramble"), stage, *options]

    def run(self, stage: str, **arguments: str) -> None:
        subprocess.run(self.command(stage, **arguments), cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def train(self, model: str, **arguments: str) -> None:
        self.run("train", model=model, permutation="identity", **arguments)

    def prepare(self) -> None:
        """Runs the stages before `train`."""
        self.run("fetch")
        self.run("permute", permutation="identity")
        for model in self.study.grid.models:
            self.run("describe", model=model)
            self.run("tune", model=model, permutation="identity")
