"""`scramble verify`: executes finished stages again, runs the controls, and writes down what came of it."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from scramble import verdicts
from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.verdicts import Control, Controls, Reexecution
from scramble.verification import controls, lock
from scramble.verification.compare import judge
from scramble.verification.console import OUTCOMES, VerificationProgress, show
from scramble.verification.rerun import reexecuted


def run(study: Study, names: Sequence[str], tolerance: float, with_controls: bool) -> bool:
    """Verifies the stages `names`, and tells whether nothing differs and no control fails.

    Without names, every finished stage is verified; with the controls, but without names, none is. What was found
    until an interruption or an error is kept.

    Raises:
        UserError: a name is unknown, or what is on the disk is not what dvc.lock speaks of.
    """
    finished = lock.finished_stages(study)
    stages = [] if with_controls and not names else lock.select(finished, names)
    lock.check_unchanged(stages, study)
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
        _record(study, {name: found[name] for name in found if name != "report"}, results)
    show(found, results, console)
    print(f"{StudyPaths(study.study).verification}: {lock.repro(study)} shows it in the report")
    return not any(each.verdict == "different" for each in found.values()) and all(
        each.passed is not False for each in results
    )


def _record(study: Study, found: Mapping[str, Reexecution], results: Sequence[Control]) -> None:
    """Adds to what is known; not the verdict on `report`, which changes with what it shows, this verdict included."""
    known = verdicts.load(study)
    changes: dict[str, object] = {"stages": dict(sorted({**known.stages, **found}.items()))}
    if len(results) == len(controls.CONTROLS):
        files = verdicts.digests(verdicts.control_files(study))
        changes["controls"] = Controls(results=tuple(results), files=files)
    verdicts.save(study, known.model_copy(update=changes))
