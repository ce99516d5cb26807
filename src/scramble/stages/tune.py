"""Stage tune: the hyperparameters that training uses for one model under one permutation."""

import shutil

from scramble import params
from scramble.artifacts import require, whole, write_json
from scramble.paths import StudyPaths


def run(study: params.Study, model: str, permutation: str) -> None:
    """Writes the recipe folder. Without trials, it holds what params.yaml says, every default written out."""
    paths = StudyPaths(study.study)
    require(paths.architecture(model))
    with whole(paths.recipe(model, permutation)) as folder:
        folder.mkdir()
        write_json(folder / paths.recipe_file(model, permutation).name, study.models[model].recipe)
        write_json(folder / paths.options_file(model, permutation).name, study.models[model].options)
        shutil.copyfile(paths.architecture(model), folder / paths.trained_architecture(model, permutation).name)
    print(f"{model} {permutation}: the recipe of {study.params}")
