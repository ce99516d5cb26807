"""Stage train: every replicate of one model under one permutation, in parallel processes on a CPU.

Ended at any moment and started again, it goes on after the last epoch that was saved, and ends with the same bytes.
"""

import shutil
from functools import partial
from pathlib import Path

import scramble
from scramble import artifacts, checkpoints, clusters, environment, params, processes, replicates
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
    artifacts.require(paths.architecture(model))
    recipe = params.Recipe.model_validate(artifacts.read_json(paths.recipe(model, permutation) / "recipe.json"))
    if profile and recipe.epochs == 1:
        raise UserError("--profile traces the second epoch, recipe.epochs is 1: in the first, graphs are made")
    member = clusters.member(study.compute)
    job = Job(study, model, permutation, recipe, _key(study, model, permutation), save_every, profile, member)
    if member.size == 1:
        _train(job, job.missing(), workers)
    else:
        _train(job, list(range(study.replicates)), workers=1)
    if member.is_chief:
        _gather(job)


def _train(job: Job, missing: list[int], workers: int | None) -> None:
    """Trains in worker processes and shows how far they are."""
    compute = job.study.compute
    workers = workers or processes.default_workers(len(missing), compute.threads * compute.devices)
    with TrainingProgress(f"{job.model} {job.permutation}", job.study.replicates, job.recipe.epochs) as progress:
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


def _key(study: params.Study, model: str, permutation: str) -> str:
    """Stands for all that a training's bytes depend on."""
    paths = StudyPaths(study.study)
    code = Path(scramble.__file__).parent.rglob("*.py")
    files = [
        paths.dataset,
        paths.train_split,
        paths.permutation(permutation),
        paths.architecture(model),
        paths.recipe(model, permutation),
    ]
    return checkpoints.key([*files, *sorted(code)], study.seed, study.compute, environment.machine())


def _gather(job: Job) -> None:
    """Moves what the replicates left to where DVC expects it, and removes their checkpoints."""
    paths = job.paths
    with (
        artifacts.whole(paths.replicates(job.model, job.permutation)) as weights,
        artifacts.whole(paths.events(job.model, job.permutation)) as events,
    ):
        weights.mkdir()
        for replicate in range(job.study.replicates):
            finished = job.checkpoint(replicate).finished
            shutil.copytree(finished / "replicate", weights / str(replicate))
            shutil.copytree(finished / "events", events / str(replicate))
        shutil.copy(job.checkpoint(0).finished / "environment.json", weights)
    artifacts.remove(paths.checkpoints(job.model, job.permutation))
