"""Stage tune: the hyperparameters that training uses for one model under one permutation.

It never reads the test split. A search that was ended, or is given more trials, goes on from what it has trained.
"""

import shutil

from scramble import params
from scramble.artifacts import read_dataset_info, require, whole, write_json
from scramble.errors import UserError
from scramble.params.tune import check_search
from scramble.paths import StudyPaths
from scramble.search import conduct, peers, results
from scramble.search.job import Job
from scramble.search.trials import Result


def run(study: params.Study, model: str, permutation: str, workers: int | None = None) -> None:
    """Writes the recipe folder, what was searched, and the search's event files.

    Where nothing is searched, the recipe folder holds what params.yaml says, every default written out. A worker of a
    search that another process leads writes nothing.

    Args:
        workers: processes that train side by side.

    Raises:
        UserError: an earlier stage's file is missing, a batch is too large for the data, every trial diverges, or chief
            and workers do not find together.
    """
    paths = StudyPaths(study.study)
    search, peer = study.search(model, permutation), peers.peer()
    needed = [paths.architecture(model)]
    if search:
        needed += [paths.dataset, paths.train_split / "images.npy"]
    for path in needed:
        require(path)
    if search:
        _check_batches(f"tune.space.{model}", search, read_dataset_info(paths.dataset).splits["train"].count)
    if search and peer and not peer.is_chief:
        conduct.work(Job(study, model, permutation, search), peer)
    elif search:
        job = Job(study, model, permutation, search)
        _write_found(job, conduct.conduct(job, workers, peer))
    elif peer is None or peer.is_chief:
        _write_given(study, model, permutation)


def _check_batches(key: str, search: params.Search, num_train: int) -> None:
    """Raises UserError when a batch of the search is more than all the training images; params.yaml has no count."""
    for named, recipe in check_search(key, search):
        size = recipe.batch_size
        if size > num_train:
            raise UserError(f"{named}.batch_size {size} is more than the {num_train} training images: take fewer")


def _write_given(study: params.Study, model: str, permutation: str) -> None:
    paths = StudyPaths(study.study)
    with whole(paths.recipe(model, permutation)) as folder:
        folder.mkdir()
        write_json(folder / paths.recipe_file(model, permutation).name, study.models[model].recipe)
        write_json(folder / paths.options_file(model, permutation).name, study.models[model].options)
        shutil.copyfile(paths.architecture(model), folder / paths.trained_architecture(model, permutation).name)
    with whole(paths.search(model, permutation)) as folder:
        folder.mkdir()
        write_json(folder / "search.json", results.NOTHING)
    with whole(paths.search_events(model, permutation)) as folder:
        folder.mkdir()
    print(f"{model} {permutation}: the recipe of {study.params}")


def _write_found(job: Job, result: Result) -> None:
    from scramble.search import training

    paths, model, permutation, best = job.paths, job.model, job.permutation, result.best
    winner = job.search.setting(best.setting.values, job.search.model.recipe.epochs)
    architecture = training.architecture(job, winner.options, read_dataset_info(paths.dataset))
    with (
        whole(paths.recipe(model, permutation)) as recipe,
        whole(paths.search(model, permutation)) as found,
        whole(paths.search_events(model, permutation)) as events,
    ):
        recipe.mkdir()
        write_json(recipe / paths.recipe_file(model, permutation).name, winner.recipe)
        write_json(recipe / paths.options_file(model, permutation).name, winner.options)
        trained = recipe / paths.trained_architecture(model, permutation).name
        trained.write_text(architecture, encoding="utf-8")
        results.write(job, result, found)
        results.write_events(job, result, events)
    chosen = ", ".join(f"{field} {results.plain(value)}" for field, value in best.setting.values.items())
    fresh = sum(trial.score for trial in result.fresh) / len(result.fresh)
    print(f"{job.name}: {chosen} (trial {best.number}, {best.score:.2%} error, {fresh:.2%} with fresh seeds)")
