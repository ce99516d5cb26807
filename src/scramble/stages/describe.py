"""describe: a model of the study as Keras JSON, and its ledger. No data but dataset.json, no weights."""

from scramble import artifacts, params, quiet
from scramble.errors import UserError, unknown_name
from scramble.paths import StudyPaths


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

    quiet.import_tensorflow()
    from scramble import models
    from scramble.ledger import ledger

    built = models.build(architecture, info.image_shape, info.num_classes, **options.model_dump())
    row = ledger(built)
    with artifacts.whole(paths.architecture(model)) as target:
        target.write_text(built.to_json(indent=2) + "\n", encoding="utf-8")
    with artifacts.whole(paths.ledger(model)) as target:
        artifacts.write_json(target, row)
    print(f"{model}: {row.trainable_parameters:,} trainable parameters, {row.macs:,} multiply-accumulates per image")
