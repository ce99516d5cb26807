"""report: the answer of a study as a page, as numbers for `dvc metrics` and as tables for `dvc plots`.

Reads what the stages before left of the study's grid, whatever else lies on the disk; writes reports/<study> whole,
with the verification.json that it found there, and the learning curves over replicates for TensorBoard.
"""

import shutil

from scramble.artifacts import require, whole
from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.report import markdown, page, provenance, tables, words
from scramble.report.analysis import analyse
from scramble.report.results import gather


def run(study: Study) -> None:
    """Writes reports/<study>/, with report.html, report.md, figure.png, numbers and plots/, and runs/<study>/summary.

    Raises:
        UserError: something that an earlier stage writes is missing or belongs to another study.
    """
    _tell(f"reading {len(study.grid.models)} models under {len(study.grid.permutations)} permutations")
    paths = StudyPaths(study.study)
    require(paths.verification)
    results = gather(study)
    _tell("computing intervals and tests")
    analysis = analyse(results)
    _tell("drawing")
    from scramble import summary
    from scramble.report.pictures import draw  # here, since matplotlib takes its time

    pictures, records = draw(analysis), provenance.records(study)
    _tell("writing")
    with whole(paths.summaries) as events, whole(paths.report) as folder:
        summary.write(analysis.learning_curves, events)
        folder.mkdir()
        shutil.copy(paths.verification, folder)
        tables.write(analysis, folder)
        (folder / "figure.png").write_bytes(pictures.main_png)
        (folder / "report.md").write_text(markdown.render(analysis, records), encoding="utf-8")
        (folder / "report.html").write_text(page.render(analysis, pictures, records), encoding="utf-8")
    print(f"{paths.report / 'report.html'}: {words.answer(analysis)[0]}")


def _tell(doing: str) -> None:
    print(f"report: {doing}", flush=True)
