"""`python src/scramble STAGE ...`: the stages of a study, run by `dvc repro` in the repository root.

Running the folder puts the code of this very tree first on the path, so a copy of the repository (a clone, the
snapshot of a DVC experiment) runs its own code. TensorFlow is imported by the stages that need it, after all checks.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import yaml

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from scramble import params
from scramble.errors import UserError, unknown_name

STAGES = {
    "fetch": "images and labels of the dataset, as arrays",
    "permute": "the draws of one permutation, and what they leave of the structure",
    "describe": "the architecture of one model, and its ledger",
    "tune": "the recipe that training will use",
    "train": "weights, history and TensorBoard events of every replicate",
    "evaluate": "what every replicate of a model predicts for the test images",
    "verify": "verdicts on finished stages, executed again: the same bytes, or what differs",
    "report": "tables, figures and the answer",
}
ARGUMENTS = {
    "permute": ("permutation",),
    "describe": ("model",),
    "tune": ("model", "permutation"),
    "train": ("model", "permutation"),
    "evaluate": ("model",),
}
"""What a stage is run for, beside the study."""


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="scramble", description="Does this network use what the picture looks like?")
    subparsers = main.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for stage, summary in STAGES.items():
        sub = subparsers.add_parser(stage, help=summary, description=f"Writes {summary}.")
        named = sub.add_mutually_exclusive_group()
        named.add_argument("--params", type=Path, default=Path("params.yaml"), help="the study (default: %(default)s)")
        for argument in ARGUMENTS.get(stage, ()):
            sub.add_argument(f"--{argument}", required=True, help=f"name of a {argument} in the study's grid")
        if stage == "describe":
            named.add_argument(
                "--image",
                type=_image,
                metavar="HxWxC",
                help="print the ledger of the architecture --model for such images instead, without a study",
            )
            sub.add_argument("--classes", type=_positive, help="with --image: how many classes")
            sub.add_argument(
                "--option",
                dest="options",
                action="append",
                default=[],
                type=_option,
                metavar="NAME=VALUE",
                help="with --image: an option of the architecture, as in params.yaml; can be repeated",
            )
        if stage == "train":
            sub.add_argument(
                "--workers",
                type=partial(_positive, hint=" (--workers, SCRAMBLE_WORKERS)"),
                default=os.environ.get("SCRAMBLE_WORKERS") or None,
                help="processes side by side (default: what fills the cores, 1 on a GPU; also SCRAMBLE_WORKERS)",
            )
            sub.add_argument(
                "--save-every",
                type=_seconds,
                default=os.environ.get("SCRAMBLE_SAVE_EVERY") or "10",
                help="least seconds between two checkpoints of a replicate (default: 10; also SCRAMBLE_SAVE_EVERY)",
            )
            sub.add_argument(
                "--profile",
                action="store_true",
                help="trace the second epoch of replicate 0 for TensorBoard, into profiles/",
            )
        if stage == "verify":
            named.add_argument("--study", help="the study by its name")
            _add_verify_arguments(sub)
    return main


def _add_verify_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("stages", nargs="*", metavar="STAGE", help="as train or train@mlp-identity (default: all)")
    sub.add_argument(
        "--tolerance", type=_tolerance, default="1e-5", help="relative, between numbers (default: %(default)s)"
    )
    sub.add_argument("--controls", action="store_true", help="run the built-in controls; no stage but those named")
    sub.add_argument("--recorded", action="store_true", help="execute nothing, keep what was found (for dvc repro)")


def _positive(text: str, hint: str = "") -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1{hint}")
    return int(text)


def _image(text: str) -> params.ImageShape:
    sizes = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not sizes:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTHxCHANNELS, as 224x224x3")
    height, width, channels = map(int, sizes.groups())
    return height, width, channels


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if name and equals:
            return name, yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, as conv_bias=true or units=[300,100]")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds from 0 (--save-every, SCRAMBLE_SAVE_EVERY)"
        )
    return seconds


def _tolerance(text: str) -> float:
    try:
        tolerance = float(text)
    except ValueError:
        tolerance = -1
    if not 0 <= tolerance < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to below 1")
    return tolerance


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

            tune.run(study, **names)
        case "train":
            from scramble.stages import train

            flags = {name: getattr(arguments, name) for name in ("workers", "save_every", "profile")}
            train.run(study, **names, **flags)
        case "evaluate":
            from scramble.stages import evaluate

            evaluate.run(study, **names)
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
        left = (
            "training goes on after the epoch saved last"
            if arguments.stage == "train"
            else "nothing half-written is left"
        )
        print(f"interrupted: {left}; run the same command again", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
