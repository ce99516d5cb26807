"""Stage train: every replicate of one model under one permutation, in parallel processes on a CPU.

Ended at any moment and started again, it goes on after the last epoch that was saved, and ends with the same bytes.
"""

import shutil
from functools import partial
from pathlib import Path

import scramble
from scramble import artifacts, checkpoints, clusters, environment, params, processes, replicates
from scramble.checkpoints import copy_tree
from scramble.errors import UserError
from scramble.paths import StudyPaths
from scramble.progress import Report, Resumption, TrainingProgress
from scramble.replicates import Job


def run(
    study: params.Study, model: str, permutation: str, workers: int | None, save_every: float, profile: bool
) -> None:
    """Trains the replicates, `workers` at a time; by default as many as fill the cores.

    Args:
        save_every: seconds that have to pass between two checkpoints of a replicate.
        profile: whether to trace an epoch of replicate 0.

    Raises:
        UserError: an earlier stage's file is missing, the cluster is not there, or a training cannot go on.
    """
    paths = StudyPaths(study.study)
    permutation_json = paths.permutation(permutation) / "permutation.json"
    trained = paths.trained_architecture(model, permutation)
    for path in (trained, paths.dataset, paths.train_split / "images.npy", permutation_json):
        artifacts.require(path)
    recipe = params.Recipe.model_validate(artifacts.read_json(paths.recipe_file(model, permutation)))
    if profile and recipe.epochs == 1:
        raise UserError("--profile needs a second epoch (the first makes the graphs): set recipe.epochs to 2 or more")
    member = clusters.member(study.compute)
    job = Job(study, model, permutation, recipe, _key(study, model, permutation), save_every, profile, member)
    if member.is_chief:
        with checkpoints.locked(paths.checkpoints(model, permutation)):
            _train(job, workers)
            _gather(job)
    else:
        _train(job, workers)


def _train(job: Job, workers: int | None) -> None:
    """Trains what is missing in worker processes, and shows how far they are."""
    compute = job.study.compute
    # In a cluster, the chief's process tells the others what is missing.
    missing = job.missing() if job.member.size == 1 else list(range(job.study.replicates))
    if compute.strategy in {"multi_worker", "tpu"}:
        workers = 1
    workers = workers or processes.default_workers(len(missing), compute.threads * compute.devices)
    with TrainingProgress(f"{job.model} {job.permutation}", job.study.replicates, job.recipe.epochs) as progress:
        if job.member.size > 1:
            progress.note(f"{job.member} waits for the others")
        for replicate in set(range(job.study.replicates)) - set(missing):
            progress.resume(Resumption(replicate, job.recipe.epochs))
        for message in processes.run(partial(replicates.train, job), missing, workers):
            match message:
                case Report():
                    progress.update(message)
                case Resumption():
                    progress.resume(message)
                case int():
                    progress.finish(message)
                case str():
                    progress.note(message)


def _key(study: params.Study, model: str, permutation: str) -> str:
    """Stands for all that a training's bytes depend on."""
    paths = StudyPaths(study.study)
    code = Path(scramble.__file__).parent.rglob("*.py")
    files = [
        paths.dataset,
        paths.train_split,
        paths.permutation(permutation),
        paths.recipe(model, permutation),
    ]
    return checkpoints.key([*files, *sorted(code)], study.seed, study.compute, environment.machine())


def _gather(job: Job) -> None:
    """Copies what the replicates left to where DVC expects it, and removes their checkpoints."""
    paths = job.paths
    with (
        artifacts.whole(paths.replicates(job.model, job.permutation)) as weights,
        artifacts.whole(paths.events(job.model, job.permutation)) as events,
    ):
        weights.mkdir()
        events.mkdir()
        for replicate in range(job.study.replicates):
            finished = job.checkpoint(replicate).finished
            copy_tree(finished / "replicate", weights / str(replicate))
            copy_tree(finished / "events", events / str(replicate))
        shutil.copyfile(job.checkpoint(0).finished / "environment.json", weights / "environment.json")
    for replicate in range(job.study.replicates):
        job.checkpoint(replicate).discard()
    artifacts.remove(paths.checkpoints(job.model, job.permutation))
