"""Stage tune: the hyperparameters that training uses for one model under one permutation."""

from scramble import params
from scramble.artifacts import whole, write_json
from scramble.paths import StudyPaths


def run(study: params.Study, model: str, permutation: str) -> None:
    """Writes recipe.json. Without trials, it is the recipe of params.yaml, every default written out."""
    with whole(StudyPaths(study.study).recipe(model, permutation)) as folder:
        folder.mkdir()
        write_json(folder / "recipe.json", study.models[model].recipe)
    print(f"{model} {permutation}: the recipe of {study.params}")
