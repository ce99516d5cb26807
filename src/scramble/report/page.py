"""The page: one file that loads nothing, put together from its sections."""

import base64
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import yaml
from markupsafe import Markup

from scramble.params import Study
from scramble.report import numbers, templates, words
from scramble.report.analysis import Analysis
from scramble.report.drawn import Pictures
from scramble.report.provenance import StageRecord
from scramble.report.recipes import recipes
from scramble.statistics import Estimate
from scramble.statistics.power import MOST_REPLICATES
from scramble.verdicts import repro

TITLES = {
    "results": "Results",
    "structure": "Error by the structure that is left",
    "scrambling": "What scrambling does to the pictures",
    "transfer": "Trained on one, tested on another",
    "search": "The search for the recipes",
    "training": "Training",
    "mistakes": "Mistakes, and how sure the networks are",
    "inside": "What the networks look at",
    "models": "Models and recipes",
    "data": "Data",
    "provenance": "How it was made",
    "verification": "Verification",
}
"""By section, in their order. A section without contents is left out."""
MOST_CLASSES = 30
"""A table has a column for every class as long as there are no more."""


def render(analysis: Analysis, pictures: Pictures, records: Sequence[StageRecord]) -> str:
    """The whole report.html.

    Args:
        records: how every stage made what it made; empty where that is not known.
    """
    environment = templates.environment(escape=True)
    environment.filters |= {"sorting": sorting, "thousands": thousands, "png": png}
    environment.globals |= {
        **{word.__name__: word for word in (numbers.percent, numbers.points, numbers.plain, numbers.limits)},
        **{word.__name__: word for word in (numbers.p_value, numbers.margin)},
        **{word.__name__: word for word in (thousands, percent_if_any, replicates, setting, first)},
        "words": words,
    }
    return environment.get_template("report.html.j2").render(context(analysis, pictures, records))


def context(analysis: Analysis, pictures: Pictures, records: Sequence[StageRecord]) -> dict[str, Any]:
    """What the sections speak of."""
    results = analysis.results
    study, info = results.study, results.info
    script = files("scramble.report").joinpath("report.js").read_text(encoding="utf-8")
    return {
        "analysis": analysis,
        "results": results,
        "study": study,
        "info": info,
        "classes": info.class_names if info.num_classes <= MOST_CLASSES else (),
        "several": study.replicates > 1,
        "pictures": pictures,
        "answer": words.answer(analysis),
        "caveats": words.diverged(analysis),
        "searches": {place: found for place, found in analysis.searches.items() if found},
        "searched_fields": searched_fields(analysis),
        "recipes": recipes(results),
        "records": records,
        "num_files": sum(len(record.files) for record in records),
        "params": yaml.safe_dump(
            study.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
        ),
        "command": repro(study),
        "verify_command": verify_command(study),
        "titles": titles(analysis, pictures),
        "style": files("scramble.report").joinpath("report.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": content_hash(script),
    }


def titles(analysis: Analysis, pictures: Pictures) -> dict[str, str]:
    """The titles of the sections that have contents."""
    empty = {
        "structure": len(analysis.results.study.scrambled) == 0,
        "transfer": len(analysis.results.study.grid.permutations) == 1,
        "search": not any(analysis.searches.values()),
        "inside": not pictures.inside,
    }
    return {name: title for name, title in TITLES.items() if not empty.get(name)}


def searched_fields(analysis: Analysis) -> dict[str, list[str]]:
    """By model with a search, the fields that any of its searches tried."""
    fields: dict[str, list[str]] = {}
    for (model, _), found in analysis.searches.items():
        if found:
            of_model = fields.setdefault(model, [])
            of_model += [field for field in found.search.space if field not in of_model]
    return fields


def content_hash(script: str) -> str:
    """What a Content-Security-Policy calls a script by that it lets run (https://www.w3.org/TR/CSP3/)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def verify_command(study: Study) -> str:
    """What executes the finished stages again, typed in the repository root."""
    of_study = "" if study.params == "params.yaml" else f" --study {study.study}"
    return f"python src/scramble verify{of_study}"


# --- cells ----------------------------------------------------------------------------------------------------


def sorting(value: Estimate | float | None) -> str:
    """What a table sorts a cell by; "" for what has no number, which then comes last."""
    number = value.mean if isinstance(value, Estimate) else value
    return "" if number is None or not math.isfinite(number) else f"{number:.9g}"


def thousands(value: int) -> str:
    return f"{value:,}"


def percent_if_any(value: float | None) -> str:
    return "–" if value is None else numbers.percent(value)


def replicates(count: int | None) -> str:
    return f"more than {thousands(MOST_REPLICATES)}" if count is None else thousands(count)


def setting(text: str) -> Markup:
    """The cell of a setting that a search tried: a number, where it is one."""
    try:
        number = float(text)
    except ValueError:
        return Markup('<td class="text">{}</td>').format(text)
    return Markup('<td data-value="{}">{}</td>').format(sorting(number), f"{number:.4g}")


def first(loop: Any, row: Any) -> Markup:
    """The class of a row that begins another model's."""
    return Markup(' class="first"') if loop.changed(row.model) else Markup("")


def png(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
