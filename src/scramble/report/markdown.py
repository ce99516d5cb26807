"""report.md: the answer and its numbers for GitHub and for pull requests, those of metrics.json and report.html."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from scramble.report import numbers, templates, words
from scramble.report.analysis import Analysis
from scramble.report.provenance import StageRecord
from scramble.verdicts import repro

MOST_COLUMNS = 6
"""A transfer matrix with more permutations is folded away."""


def render(analysis: Analysis, records: Sequence[StageRecord]) -> str:
    """The whole report.md, whose links are relative to the folder of the report."""
    environment = templates.environment(escape=False)
    environment.filters["percent"] = numbers.percent
    study = analysis.results.study
    return environment.get_template("report.md.j2").render(
        analysis=analysis,
        results=analysis.results,
        study=study,
        info=analysis.results.info,
        several=study.replicates > 1,
        answer=words.answer(analysis),
        caveats=words.diverged(analysis),
        legend=words.legend(study.report.equivalence_margin),
        areas=[curve for curves in analysis.curves.values() for curve in curves if curve.area],
        row=row,
        numbers=numbers,
        words=words,
        folded=len(study.grid.permutations) > MOST_COLUMNS,
        verified=verified(analysis),
        commits={record.name: re.sub(r"(?<=\b[0-9a-f]{10})[0-9a-f]{30}\b", "", record.commit) for record in records},
        command=repro(study),
        to_root="../" * len(PurePosixPath("reports", study.study).parts),
    )


def row(*cells: object) -> str:
    """A row of a table; a bar within a cell stays a bar."""
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def verified(analysis: Analysis) -> str:
    """What verification found, in one sentence."""
    document = analysis.results.verification
    verdicts = Counter(found.verdict for found in document.stages.values())
    stages = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    passed = Counter(control.passed for control in document.controls.results)
    controls = f"{passed[True]} of {passed[True] + passed[False]} controls passed"
    if not stages and not document.controls.results:
        return "nothing verified yet"
    return "; ".join([f"stages executed again: {stages}"] * bool(stages) + [controls] * bool(passed))
