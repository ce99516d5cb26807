"""The page: the answer in words, the numbers as the tables print them, and the template that holds them."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from scramble.params import AnyPermutation
from scramble.report.recipes import recipes
from scramble.report.results import Cell, Results
from scramble.statistics import Estimate
from scramble.verdicts import repro

MINUS = "−"
SPACE = "\N{NO-BREAK SPACE}"

FAMILIES = {
    "identity": "the picture as it is",
    "pixels": "all pixels trade places",
    "rows": "rows trade places, each stays whole",
    "columns": "columns trade places, each stays whole",
    "rows_columns": "rows trade places, and columns",
    "tiles": "tiles of {size}×{size} pixels trade places, their inside stays",
    "within_tiles": "pixels trade places inside their tile of {size}×{size}",
    "swaps": "{share:.0%} of the pixels trade places",
    "channels": "all pixels trade places, in every colour channel on their own",
    "per_image": "all pixels trade places, in every image anew",
    "flip": "mirrored, {axis}ly",
    "transpose": "rows become columns",
}


@dataclass(frozen=True)
class Pictures:
    """What the page shows: <svg> elements and PNG files."""

    prices: str
    learning_curves: Mapping[str, str]
    """By model."""
    confusion: Mapping[str, str]
    """By model."""
    receptive_fields: str
    samples: bytes
    before_after: Mapping[str, bytes]
    """By permutation."""


def render(results: Results, pictures: Pictures) -> str:
    """The whole report.html: one file that loads nothing."""
    environment = Environment(
        loader=PackageLoader("scramble.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "plain": plain,
        "thousands": "{:,}".format,
        "png": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    }
    return environment.get_template("report.html.j2").render(
        results=results,
        study=results.study,
        info=results.info,
        pictures=pictures,
        answer=answer(results),
        verdict=verdict,
        describe=describe_permutation,
        recipes=recipes(results),
        command=repro(results.study),
        verify_command=verify_command(results),
    )


# --- words ----------------------------------------------------------------------------------------------------


def verdict(price: Estimate) -> str:
    """What the interval of a price decides; that it holds 0 decides nothing."""
    if price.low is None or price.high is None:
        return "one replicate, no interval"
    if price.low > 0:
        return "pays"
    return "gains" if price.high < 0 else "no difference resolved"


def headline(results: Results) -> str | None:
    """The permutation that the answer speaks of: all pixels, where the study has it, else the last that scrambles."""
    of_pixels = [name for name in results.scrambled if results.study.permutations[name].family == "pixels"]
    return next(iter([*of_pixels, *reversed(results.scrambled)]), None)


def answer(results: Results) -> tuple[str, str]:
    """The answer to the question, and the numbers that it rests on."""
    name = headline(results)
    if results.natural is None:
        return "This study cannot say: it has no natural images to compare with.", _errors(results)
    if name is None:
        return "This study cannot say: it has natural images only.", _errors(results)
    by_verdict: dict[str, list[str]] = {}
    for model in results.study.grid.models:
        by_verdict.setdefault(verdict(results.price(results.cells[model, name])), []).append(model)
    said = [SENTENCES[key].format(_listed(by_verdict[key])) for key in SENTENCES if key in by_verdict]
    said[0] = said[0][0].upper() + said[0][1:]
    return "; ".join(said) + ".", _prices_in_words(results, name)


SENTENCES = {
    "pays": "scrambling the picture raises the error of {}",
    "gains": "scrambling the picture lowers the error of {}",
    "no difference resolved": "for {} no difference is resolved",
    "one replicate, no interval": "one replicate cannot say it for {}: without an interval nothing is certain",
}
"""By verdict, in the order in which they are said."""


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _prices_in_words(results: Results, permutation: str) -> str:
    """What `permutation` adds to the error of every model."""
    assert results.natural is not None
    changes = []
    for model in results.study.grid.models:
        before, after = results.cells[model, results.natural], results.cells[model, permutation]
        errors = f"{in_percent(before.estimate().mean)} → {in_percent(after.estimate().mean)}"
        changes.append(f"{model} {points(results.price(after))} ({errors})")
    replicates = results.study.replicates
    certainty = f", with the 95{SPACE}% interval over {replicates} replicates" if replicates > 1 else ""
    scrambling = describe_permutation(results.study.permutations[permutation])
    return (
        f"Change of test error in percentage points with {permutation} ({scrambling}){certainty}: {'; '.join(changes)}."
    )


def _errors(results: Results) -> str:
    errors = (f"{cell.model} on {cell.permutation} {in_percent(cell.estimate())}" for cell in results.cells.values())
    return f"Test error: {'; '.join(errors)}."


def describe_permutation(permutation: AnyPermutation) -> str:
    return FAMILIES[permutation.family].format(**permutation.model_dump())


# --- numbers --------------------------------------------------------------------------------------------------


def percent(value: Estimate | float) -> str:
    """A fraction in percent with two decimals, with the half width of its interval where there is one."""
    return _with_half_width(value, 100, "")


def in_percent(value: Estimate | float) -> str:
    return f"{percent(value)}{SPACE}%"


def points(value: Estimate | float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return _with_half_width(value, 100, "+")


def plain(value: Estimate | float | None) -> str:
    """A number with three decimals; a dash where there is none."""
    return "–" if value is None else _with_half_width(value, 1, "", decimals=3)


def _with_half_width(value: Estimate | float, scale: int, sign: str, decimals: int = 2) -> str:
    if not isinstance(value, Estimate):
        return _signed(scale * value, sign, decimals)
    text = _signed(scale * value.mean, sign, decimals)
    if value.half_width is None:
        return text
    return SPACE.join((text, "±", f"{scale * value.half_width:.{decimals}f}"))


def _signed(value: float, sign: str, decimals: int) -> str:
    if not math.isfinite(value):
        return "not finite"
    value = round(value, decimals) + 0.0  # no -0.00
    return f"{value:{sign}.{decimals}f}".replace("-", MINUS)


# --- the command ----------------------------------------------------------------------------------------------


def verify_command(results: Results) -> str:
    """What executes the finished stages again, typed in the repository root."""
    of_study = "" if results.study.params == "params.yaml" else f" --study {results.study.study}"
    return f"python src/scramble verify{of_study}"


def prices_in_words(results: Results) -> str:
    """What the main figure shows, for those who do not see it."""
    cells = "; ".join(_cell_in_words(results, cell) for cell in results.cells.values())
    return f"Test error with 95 % intervals. {cells}."


def _cell_in_words(results: Results, cell: Cell) -> str:
    error = f"{cell.model}, {cell.permutation}: {in_percent(cell.estimate())}"
    scrambled = results.natural is not None and cell.permutation != results.natural
    return f"{error}, difference {points(results.price(cell))} percentage points" if scrambled else error
