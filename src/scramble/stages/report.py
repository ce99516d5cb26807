"""report: the answer of a study as a page, as numbers for `dvc metrics` and as tables for `dvc plots`.

Reads what the stages before left of the study's grid, whatever else lies on the disk; writes reports/<study> whole,
with the verification.json that it found there.
"""

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scramble.artifacts import read_picture, whole
from scramble.params import Study
from scramble.paths import StudyPaths
from scramble.report import ledgers, page, tables
from scramble.report.results import Cell, Results, gather

if TYPE_CHECKING:
    from scramble.figures.prices import Condition


def run(study: Study) -> None:
    """Writes reports/<study>/ with report.html, metrics.json, results.csv and plots/.

    Raises:
        UserError: something that an earlier stage writes is missing or belongs to another study.
    """
    results = gather(study)
    pictures = _draw(results)
    paths = StudyPaths(study.study)
    folder = paths.report
    with whole(folder) as partial:
        partial.mkdir()
        shutil.copy(paths.verification, partial)
        tables.write(results, partial)
        (partial / "report.html").write_text(page.render(results, pictures), encoding="utf-8")
    print(f"{folder / 'report.html'}: {page.answer(results)[0]}")


def _draw(results: Results) -> page.Pictures:
    from scramble.figures.prices import prices
    from scramble.figures.style import inline_svg

    study, paths = results.study, StudyPaths(results.study.study)
    conditions = {model: [_condition(results, cell) for cell in results.of_model(model)] for model in study.grid.models}
    return page.Pictures(
        prices=inline_svg(prices(conditions), "prices", page.prices_in_words(results)),
        learning_curves={model: _learning_curves(results.of_model(model)) for model in study.grid.models},
        confusion={model: _confusion(results.of_model(model), results.info.class_names) for model in study.grid.models},
        receptive_fields=_receptive_fields(results),
        samples=read_picture(paths.samples),
        before_after={name: read_picture(paths.permutation(name) / "before_after.png") for name in results.scrambled},
    )


def _condition(results: Results, cell: Cell) -> "Condition":
    from scramble.figures.prices import Condition, Measured

    natural = cell.permutation == results.natural
    has_price = results.natural is not None and not natural
    return Condition(
        permutation=cell.permutation,
        natural=natural,
        error=Measured(cell.values("top1_error"), cell.estimate()),
        price=Measured(results.prices(cell), results.price(cell)) if has_price else None,
    )


def _learning_curves(cells: Sequence[Cell]) -> str:
    from scramble.figures.curves import learning_curves
    from scramble.figures.style import inline_svg

    figure = learning_curves({cell.permutation: cell.histories for cell in cells})
    what = f"Training loss, validation loss and validation error of {cells[0].model} by epoch"
    return inline_svg(figure, f"curves-{cells[0].model}", f"{what}: {_names(cells)}.")


def _confusion(cells: Sequence[Cell], class_names: Sequence[str]) -> str:
    from scramble.figures.confusion import confusion
    from scramble.figures.style import inline_svg

    figure = confusion({cell.permutation: cell.confusion for cell in cells}, class_names)
    what = f"Confusion matrices of {cells[0].model}"
    return inline_svg(figure, f"confusion-{cells[0].model}", f"{what}: {_names(cells)}.")


def _receptive_fields(results: Results) -> str:
    from scramble.figures.receptive_fields import Growth, receptive_fields
    from scramble.figures.style import inline_svg

    shape = results.info.image_shape
    growths = {
        model: Growth(ledgers.field_by_depth(ledger, shape), ledgers.map_depth(ledger))
        for model, ledger in results.ledgers.items()
    }
    figure = receptive_fields(growths, max(shape[:2]))
    return inline_svg(figure, "receptive-fields", ledgers.fields_in_words(results.ledgers, shape))


def _names(cells: Sequence[Cell]) -> str:
    return ", ".join(cell.permutation for cell in cells)
