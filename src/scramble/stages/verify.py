"""Stage verify: what verifications have found so far, as long as it speaks of the files that are there.

It executes nothing a second time: `python src/scramble verify` does, by hand, since it takes as long as the study.
"""

from scramble import params, verdicts


def run(study: params.Study) -> None:
    """Writes verification.json again without what is stale; an empty one, where nothing was verified yet."""
    found = verdicts.load(study)
    verdicts.save(study, found)
    if found.stages or found.controls.results:
        print(f"{study.study}: {len(found.stages)} stages and {len(found.controls.results)} controls are verified")
    else:
        print(f"{study.study}: nothing verified yet")
