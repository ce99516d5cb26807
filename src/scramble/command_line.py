"""The commands of `python src/scramble`: the stages, their arguments and flags."""

import argparse
import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from scramble import params

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
WORKERS = {
    "tune": "what fills the cores, one per GPU; 1 where the algorithm learns from finished trials",
    "train": "what fills the cores, 1 on a GPU",
    "evaluate": "what fills the cores, 1 on a GPU",
}
"""Stages that work in processes side by side, and in how many by default."""


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
        if stage in WORKERS:
            sub.add_argument(
                "--workers",
                type=partial(_positive, hint=" (--workers, SCRAMBLE_WORKERS)"),
                default=os.environ.get("SCRAMBLE_WORKERS") or None,
                help=f"processes side by side (default: {WORKERS[stage]}; also SCRAMBLE_WORKERS)",
            )
        if stage == "train":
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
