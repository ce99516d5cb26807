"""`scramble verify`: executes finished stages again, runs the controls, and writes down what came of it."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from scramble import verdicts
from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.verdicts import Control, Controls, Document, Reexecution
from scramble.verification import controls, lock
from scramble.verification.compare import judge
from scramble.verification.console import OUTCOMES, VerificationProgress, show
from scramble.verification.lock import FinishedStage
from scramble.verification.rerun import check_possible, reexecuted


def run(study: Study, names: Sequence[str], tolerance: float, with_controls: bool) -> bool:
    """Verifies the stages `names`, and tells whether nothing differs and no control fails.

    Without names, every finished stage is verified, but a report that does not show the last findings yet; with the
    controls, but without names, none is. What was found until an interruption or an error is kept.

    Raises:
        UserError: a name is unknown, a stage cannot be executed again, or what is on the disk is not what dvc.lock
            speaks of.
    """
    finished = lock.finished_stages(study)
    if names:
        stages = lock.select(finished, names)
        lock.check_unchanged(stages, study)
    else:
        stages = [] if with_controls else _all_unchanged(study, finished)
    check_possible(stages, study)
    verdicts.load(study)  # that it is damaged is told before the work, not after
    steps = [stage.name for stage in stages] + [f"control@{name}" for name in controls.CONTROLS if with_controls]
    found: dict[str, Reexecution] = {}
    results: list[Control] = []
    console = Console()
    try:
        with VerificationProgress(steps, console) as progress:
            for stage in stages:
                with reexecuted(study, stage) as tree:
                    found[stage.name] = judge(stage.outs, tree, tolerance)
                progress.done(found[stage.name].verdict)
            for result in controls.run(study) if with_controls else ():
                results.append(result)
                progress.done(OUTCOMES[result.passed])
    finally:
        document = _record(study, {name: found[name] for name in found if name != "report"}, results)
    show(found, results, console)
    recordable = [name for name in finished if name != "report"]
    verified = sum(name in document.stages for name in recordable)
    print(f"{StudyPaths(study.study).verification}: {verified} of {len(recordable)} finished stages verified")
    print(f"`{verdicts.repro(study)}` shows it in the report")
    return not any(each.verdict == "different" for each in found.values()) and all(
        each.passed is not False for each in results
    )


def _all_unchanged(study: Study, finished: dict[str, FinishedStage]) -> list[FinishedStage]:
    """Every finished stage; not `report`, where all that changed since is what it has to show of verifications."""
    stages = list(finished.values())
    checked = [lock.without_findings(stage, study) for stage in stages]
    lock.check_unchanged(checked, study)
    outdated = [stage for stage, reduced in zip(stages, checked, strict=True) if stage != reduced]
    for stage in outdated:
        print(f"{stage.name} is left out: it does not show the last findings yet, `{verdicts.repro(study)}` mends that")
    return [stage for stage in stages if stage not in outdated]


def _record(study: Study, found: Mapping[str, Reexecution], results: Sequence[Control]) -> Document:
    """Adds to what is known; not the verdict on `report`, which changes with what it shows, this verdict included."""
    known = verdicts.load(study)
    changes: dict[str, object] = {"stages": dict(sorted({**known.stages, **found}.items()))}
    if len(results) == len(controls.CONTROLS):
        files = verdicts.digests(verdicts.control_files(study))
        changes["controls"] = Controls(results=tuple(results), files=files)
    document = known.model_copy(update=changes)
    verdicts.save(study, document)
    return document
