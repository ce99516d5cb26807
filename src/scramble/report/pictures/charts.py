"""The charts of the page, each with what it shows in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scramble import permutations
from scramble.figures.confusion import confusion as draw_confusion
from scramble.figures.curves import MOST_TOGETHER
from scramble.figures.curves import learning_curves as draw_learning_curves
from scramble.figures.inline import themed_svg
from scramble.figures.neighbours import Neighbours, neighbour_plot
from scramble.figures.prices import Condition, Measured
from scramble.figures.prices import prices as draw_prices
from scramble.figures.raster import png
from scramble.figures.receptive_fields import Growth
from scramble.figures.receptive_fields import receptive_fields as draw_receptive_fields
from scramble.figures.reliability import Bins
from scramble.figures.reliability import reliability as draw_reliability
from scramble.figures.search import SearchCourse, search_courses
from scramble.figures.structure import Panel, Strength, structure_curves
from scramble.figures.style import Figure
from scramble.figures.transfer import transfer as draw_transfer
from scramble.report import ledgers, words
from scramble.report.analysis import Analysis
from scramble.report.cells import CellNumbers
from scramble.report.curves import StructureCurve, StructurePoint
from scramble.report.drawn import Chart
from scramble.report.numbers import in_percent
from scramble.report.prices import guessing_error
from scramble.report.results import Results
from scramble.statistics import mean_interval

# --- what scrambling costs ------------------------------------------------------------------------------------

FAMILIES = {
    "within_tiles": ("fine structure destroyed", "pixels shuffled inside tiles of"),
    "tiles": ("coarse structure destroyed", "tiles that trade places, of"),
}
"""Title and axis of a panel."""


def main(analysis: Analysis) -> bytes:
    """The figure that the page opens with, as a PNG file for those who show no SVG."""
    return png(_structure(analysis) if any(analysis.curves.values()) else _prices(analysis))


def structure(analysis: Analysis) -> Chart | None:
    """The structure curves; None where the grid has no tile family."""
    curves = [curve for of_model in analysis.curves.values() for curve in of_model]
    if not curves:
        return None
    said = "; ".join(_curve_in_words(curve) for curve in curves)
    several = analysis.results.study.replicates > 1
    whole = ", from the natural picture to all pixels" if all(curve.area for curve in curves) else ""
    return Chart(
        themed_svg(_structure(analysis), "structure", f"Test error by strength of scrambling. {said}."),
        f"Test error against strength of scrambling{whole}. Bands: 95 % intervals over "
        f"{'replicates and ' if several else ''}test images.",
    )


def _structure(analysis: Analysis) -> Figure:
    by_family: dict[str, list[StructureCurve]] = {}
    for curves in analysis.curves.values():
        for curve in curves:
            by_family.setdefault(curve.family, []).append(curve)
    return structure_curves([_panel(analysis, curves) for curves in by_family.values()], _beyond(analysis))


def _panel(analysis: Analysis, curves: list[StructureCurve]) -> Panel:
    title, axis = FAMILIES[curves[0].family]
    lines = {
        curve.model: [Strength(point.strength, _label(point), point.error) for point in curve.points]
        for curve in curves
    }
    return Panel(title, axis, lines, _scrambled(analysis, curves[0]))


def _label(point: StructurePoint) -> str:
    if point.size is not None:
        return f"{point.size}×{point.size}"
    return "all pixels" if point.strength else "natural"


def _scrambled(analysis: Analysis, curve: StructureCurve) -> list[NDArray[np.uint8]]:
    """One test picture under every point's permutation, draw 0; none where no network convolves."""
    results = analysis.results
    if not results.views:
        return []
    picture = next(iter(results.views.values())).pictures[0]  # (h, w, c)
    shape = results.info.image_shape
    indices = [permutations.draw(results.study.permutations[point.permutation], shape, 0) for point in curve.points]
    return [picture.reshape(-1)[index].reshape(shape) for index in indices]


def _beyond(analysis: Analysis) -> dict[str, float]:
    """The error without any structure: of every model where the grid scrambles every image anew, else of guessing."""
    study = analysis.results.study
    anew = [name for name in study.grid.permutations if study.permutations[name].family == "per_image"]
    if anew:
        return {
            f"{model}, every image scrambled anew": analysis.cells[model, anew[0]].top1.mean
            for model in study.grid.models
        }
    return {"guessing": guessing_error(analysis.results)}


def _curve_in_words(curve: StructureCurve) -> str:
    points = ", ".join(f"{_label(point)} {in_percent(point.error.mean)}" for point in curve.points)
    return f"{curve.model}, {FAMILIES[curve.family][0]}: {points}"


def neighbours(analysis: Analysis) -> Chart:
    points = {
        model: [Neighbours(point.permutation, point.kept, point.error) for point in found]
        for model, found in analysis.neighbours.items()
    }
    said = "; ".join(_neighbours_in_words(model, found) for model, found in points.items())
    return Chart(
        themed_svg(neighbour_plot(points), "neighbours", f"Test error by neighbour pairs kept. {said}."),
        "Test error against the share of neighbouring pixels that are still neighbours, with 95 % intervals. Shares "
        "closer than about 2 points are drawn side by side.",
    )


def _neighbours_in_words(model: str, points: Sequence[Neighbours]) -> str:
    said = (f"{each.permutation}, {100 * each.kept:.0f} % kept: {in_percent(each.error.mean)}" for each in points)
    return f"{model}: {', '.join(said)}"


def prices(analysis: Analysis) -> Chart:
    """Error of every model under every permutation, and how much more than natural."""
    study = analysis.results.study
    more = ", and how much more it is than on natural images" if analysis.prices else ""
    over = "replicates and test images; dots: single replicates" if study.replicates > 1 else "test images"
    return Chart(
        themed_svg(_prices(analysis), "prices", words.prices_in_words(analysis)),
        f"Test error of every model{more}. Large marks: means with 95 % intervals over {over}.",
    )


def _prices(analysis: Analysis) -> Figure:
    study = analysis.results.study
    conditions = {
        model: [_condition(analysis, analysis.cells[model, name]) for name in study.grid.permutations]
        for model in study.grid.models
    }
    return draw_prices(conditions, study.report.equivalence_margin if analysis.prices else None)


def _condition(analysis: Analysis, cell: CellNumbers) -> Condition:
    price = analysis.prices.get((cell.model, cell.permutation))
    return Condition(
        permutation=cell.permutation,
        natural=cell.permutation == analysis.results.study.natural,
        error=Measured(cell.runs, cell.top1),
        price=None if price is None else Measured(price.runs, price.difference),
        verdict="" if price is None else words.verdict(price),
    )


def transfer(analysis: Analysis, model: str) -> Chart:
    matrix = analysis.transfer[model]
    same = ", ".join(f"{name} {in_percent(matrix.errors[name, name].mean)}" for name in matrix.permutations)
    shown = f"Test errors of {model} by what it was trained on and tested on. Trained and tested on the same: {same}."
    return Chart(
        themed_svg(draw_transfer(matrix.means, matrix.permutations), f"transfer-{model}", shown),
        f"Test error of {model} in percent, trained under one permutation and tested under another"
        f"{'; means over replicates' if analysis.results.study.replicates > 1 else ''}.",
    )


# --- training -------------------------------------------------------------------------------------------------


def learning_curves(analysis: Analysis, model: str) -> Chart:
    cells = analysis.results.of_model(model)
    figure = draw_learning_curves({cell.permutation: cell.histories for cell in cells})
    said = ", ".join(
        f"{cell.permutation} {in_percent(1 - curve['validation_accuracy'][-1].mean)}"
        for cell in cells
        for curve in [analysis.learning_curves[model, cell.permutation]]
    )
    drawn = "Validation error" if len(cells) > MOST_TOGETHER else "Training loss, validation loss and validation error"
    shown = f"{drawn} of {model} by epoch. Last validation errors: {said}."
    return Chart(
        themed_svg(figure, f"curves-{model}", shown),
        f"Learning curves of {model}. Lines: means over the replicates; bands: their 95 % intervals."
        if analysis.results.study.replicates > 1
        else f"Learning curves of {model}.",
    )


def searches(analysis: Analysis) -> list[Chart]:
    """One chart with all searches; none where nothing was searched."""
    found = {place: numbers for place, numbers in analysis.searches.items() if numbers}
    if not found:
        return []
    courses = {
        ", ".join(place): SearchCourse(
            [trial.score for trial in numbers.search.trials],
            mean_interval(numbers.search.fresh_scores) if numbers.search.fresh_scores else None,
            [trial.best_so_far for trial in numbers.search.trials],
        )
        for place, numbers in found.items()
    }
    said = "; ".join(f"{', '.join(place)}: {in_percent(each.search.best_score)}" for place, each in found.items())
    return [
        Chart(
            themed_svg(search_courses(courses), "searches", f"Validation error by trial. Best of all trials: {said}."),
            "The searches, trial by trial: validation errors, the best so far, and the winner trained again with fresh "
            "seeds.",
        )
    ]


# --- mistakes -------------------------------------------------------------------------------------------------


def confusion(analysis: Analysis, model: str) -> Chart:
    results = analysis.results
    cells = {name: analysis.cells[model, name] for name in results.study.grid.permutations}
    figure = draw_confusion({name: cell.confusion for name, cell in cells.items()}, results.info.class_names)
    said = "; ".join(f"{name}: {_most_confused(cell, results.info.class_names)}" for name, cell in cells.items())
    together = ", all replicates together" if results.study.replicates > 1 else ""
    return Chart(
        themed_svg(figure, f"confusion-{model}", f"Confusion matrices of {model}. Most often confused: {said}."),
        f"What {model} takes each class for, in percent of the class's test images{together}. Where no number stands, "
        "the colour says it.",
    )


def _most_confused(cell: CellNumbers, class_names: tuple[str, ...]) -> str:
    counts = cell.confusion.copy()
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    shares = counts / np.maximum(totals, 1)[:, None]
    actual, predicted = np.unravel_index(shares.argmax(), shares.shape)
    if not shares.max():
        return "nothing"
    return f"{class_names[actual]} taken for {class_names[predicted]}, {in_percent(float(shares.max()))}"


def reliability(analysis: Analysis, model: str) -> Chart:
    cells = {name: analysis.cells[model, name] for name in analysis.results.study.grid.permutations}
    bins = {name: cell.reliability for name, cell in cells.items()}
    figure = draw_reliability({name: Bins(each.confidence, each.accuracy, each.count) for name, each in bins.items()})
    said = ", ".join(f"{name} {in_percent(cell.ece.mean)}" for name, cell in cells.items())
    return Chart(
        themed_svg(figure, f"reliability-{model}", f"Accuracy of {model} by confidence. Calibration error: {said}."),
        f"How often {model} is right when it is so sure: on the diagonal a network that knows how sure it may be, "
        "below it one that is too sure. Under each panel: how many test images"
        f"{', each counted once per replicate' if analysis.results.study.replicates > 1 else ''}.",
    )


# --- models ---------------------------------------------------------------------------------------------------


def receptive_fields(results: Results) -> Chart:
    shape = results.info.image_shape
    growths = {
        model: Growth(ledgers.field_by_depth(ledger, shape), ledgers.map_depth(ledger))
        for model, ledger in results.ledgers.items()
    }
    figure = draw_receptive_fields(growths, max(shape[:2]))
    return Chart(
        themed_svg(figure, "receptive-fields", ledgers.fields_in_words(results.ledgers, shape)),
        "How far the layers of every model see. The dot: the first layer whose units are connected to the whole image; "
        "before it, they see as much as the window sizes and strides allow.",
    )
