"""`python src/scramble STAGE ...`: the stages of a study, run by `dvc repro` in the repository root.

Running the folder puts the code of this very tree first on the path, so a copy of the repository (a clone, the
snapshot of a DVC experiment) runs its own code. TensorFlow is imported by the stages that need it, after all checks.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from scramble import params
from scramble.command_line import ARGUMENTS, parser
from scramble.errors import UserError, unknown_name

INTERRUPTED = {
    "train": "training goes on after the epoch saved last",
    "tune": "the search goes on after the trainings that are finished",
}
"""What Ctrl-C has left, by stage."""


def _exit_tidily(number: int, frame: object) -> NoReturn:
    """Leaves as after an error, so that workers are ended and nothing half-written stays."""
    sys.exit(128 + number)


def run(arguments: argparse.Namespace) -> int:
    """Runs one stage. Returns the exit status: 1 where `verify` finds a difference, else 0."""
    # Quiet TensorFlow's start-up lines; set before its import, wherever a stage makes it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if arguments.stage == "verify":
        return _verify(arguments)
    if arguments.stage == "describe" and arguments.image:
        from scramble.stages import describe

        describe.show(arguments.model, arguments.image, arguments.classes, dict(arguments.options))
        return 0
    study = params.load(arguments.params)
    names = {name: getattr(arguments, name) for name in ARGUMENTS.get(arguments.stage, ())}
    for kind, name in names.items():
        known = getattr(study.grid, f"{kind}s")
        if name not in known:
            raise UserError(f"--{kind}: {unknown_name(kind, name, known)}")
    match arguments.stage:
        case "fetch":
            from scramble.stages import fetch

            fetch.run(study)
        case "permute":
            from scramble.stages import permute

            permute.run(study, **names)
        case "describe":
            from scramble.stages import describe

            describe.run(study, **names)
        case "tune":
            from scramble.stages import tune

            tune.run(study, **names, workers=arguments.workers)
        case "train":
            from scramble.stages import train

            flags = {name: getattr(arguments, name) for name in ("workers", "save_every", "profile")}
            train.run(study, **names, **flags)
        case "evaluate":
            from scramble.stages import evaluate

            evaluate.run(study, **names, workers=arguments.workers)
        case "report":
            from scramble.stages import report

            report.run(study)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from scramble.verification import lock

    study = params.load(lock.params_file(arguments.study) if arguments.study else arguments.params)
    if arguments.recorded:
        from scramble.stages import verify

        verify.run(study)
        return 0
    from scramble.verification import command

    return 0 if command.run(study, arguments.stages, arguments.tolerance, arguments.controls) else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one stage. Returns the exit status: that of `run`, 1 after a user's mistake, 130 after Ctrl-C."""
    commands = parser()
    arguments = commands.parse_args(argv)
    if arguments.stage == "verify" and arguments.recorded and (arguments.stages or arguments.controls):
        commands.error("--recorded executes nothing: leave out STAGE and --controls, or --recorded")
    if arguments.stage == "describe" and arguments.image and not arguments.classes:
        commands.error("--image needs the number of classes, too: --classes 1000")
    if arguments.stage == "describe" and not arguments.image and (arguments.classes or arguments.options):
        commands.error("--classes and --option are for an architecture without a study: they need --image")
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _exit_tidily)
    try:
        return run(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        left = INTERRUPTED.get(arguments.stage, "nothing half-written is left")
        print(f"interrupted: {left}; run the same command again", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
