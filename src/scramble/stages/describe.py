"""describe: a model of the study as Keras JSON, and its ledger. No data but dataset.json, no weights.

Without a study, the ledger of any architecture for images of any size, to read.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scramble import artifacts, params, quiet
from scramble.errors import UserError, unknown_name
from scramble.paths import StudyPaths

if TYPE_CHECKING:
    import keras


def run(study: params.Study, model: str) -> None:
    """Writes models/<study>/<model>/architecture.json and ledger.json.

    Raises:
        UserError: the study has no such model, dataset.json is missing, or its images are too small for the model.
    """
    if model not in study.models:
        raise UserError(unknown_name("model", model, study.models))
    paths = StudyPaths(study.study)
    info = artifacts.read_dataset_info(paths.dataset)
    architecture, options = study.models[model].architecture, study.models[model].options
    try:
        params.check_architecture_fits(f"models.{model}", architecture, info.image_shape)
    except ValueError as error:
        raise UserError(str(error)) from None

    built = _build(architecture, info.image_shape, info.num_classes, options.model_dump())
    from scramble.ledger import ledger

    row = ledger(built)
    with artifacts.whole(paths.architecture(model)) as target:
        target.write_text(built.to_json(indent=2) + "\n", encoding="utf-8")
    with artifacts.whole(paths.ledger(model)) as target:
        artifacts.write_json(target, row)
    print(f"{model}: {row.trainable_parameters:,} trainable parameters, {row.macs:,} multiply-accumulates per image")


def show(architecture: str, image_shape: params.ImageShape, num_classes: int, options: Mapping[str, Any]) -> None:
    """Prints the ledger of an architecture with `options` for images (height, width, channels).

    Raises:
        UserError: the architecture or an option is unknown, an option is out of range, or the images are too small.
    """
    if architecture not in params.ARCHITECTURES:
        raise UserError(f"--model: {unknown_name('architecture', architecture, params.ARCHITECTURES)}")
    try:
        params.check_architecture_fits("--image", architecture, image_shape)
        checked = params.options_of(architecture, options)
    except ValueError as error:
        raise UserError(str(error)) from None

    built = _build(architecture, image_shape, num_classes, checked.model_dump())
    from scramble.ledger import console, ledger

    chosen = "".join(f", {name} {value}" for name, value in checked)
    console.show(
        ledger(built), f"{architecture}: images {'x'.join(map(str, image_shape))}, {num_classes} classes{chosen}"
    )


def _build(
    architecture: str, image_shape: params.ImageShape, num_classes: int, options: Mapping[str, Any]
) -> "keras.Model":
    quiet.import_tensorflow()
    import keras

    from scramble import models

    # Weights without values: nothing here asks for them, and those of a large network take seconds and gigabytes.
    with keras.StatelessScope(initialize_variables=False):
        return models.build(architecture, image_shape, num_classes, **options)
