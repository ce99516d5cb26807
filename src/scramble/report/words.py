"""What the numbers say, in sentences: the answer of a study, its verdicts, its permutations."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from scramble.metrics import TRANSFER_SAMPLE
from scramble.params import AnyPermutation
from scramble.report.analysis import Analysis
from scramble.report.cells import CellNumbers
from scramble.report.numbers import SPACE, in_percent, margin, points
from scramble.report.prices import Price
from scramble.report.searches import Search
from scramble.statistics.power import MOST_REPLICATES

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


def describe_permutation(permutation: AnyPermutation) -> str:
    return FAMILIES[permutation.family].format(**permutation.model_dump())


# --- verdicts -------------------------------------------------------------------------------------------------


def verdict(price: Price) -> str:
    """The word for a price, as the tables print it."""
    if price.difference.n == 1:
        return "undecided: one replicate"
    if price.verdict == "equal within the margin":
        return f"equal within {margin(price.equivalence.margin)}"
    return price.verdict


def what_would_resolve(price: Price) -> str:
    """How many replicates an undecided price needs; "" where it is decided, or where one replicate cannot tell."""
    if price.needed is None:
        return ""
    of_margin = f"a difference of {margin(price.equivalence.margin)}: {_replicates(price.needed.for_margin)}"
    return f"{of_margin}; the observed one: {_replicates(price.needed.for_difference)}"


def _replicates(count: int | None) -> str:
    return f"more than {MOST_REPLICATES:,} replicates" if count is None else f"{count} replicates"


def legend(equivalence_margin: float) -> dict[str, str]:
    """What the words of `verdict` mean, by word."""
    return {
        "pays": "the 95 % interval of the difference lies above 0, also after Holm's correction",
        "gains": "it lies below 0, also after Holm's correction",
        f"equal within {margin(equivalence_margin)}": "two one-sided tests at 5 % show that the difference is smaller, "
        "even where its interval leaves out 0",
        "undecided": "neither is shown, which does not mean that there is no difference",
    }


def reliance(prices: Collection[Price]) -> str:
    """What the structure reliance index of a study is measured by, and where there is none."""
    found = [price.reliance for price in prices]
    said = "0: the permutation costs nothing; 1: "
    if found[0].measured:
        said += "as much as a permutation of every image on its own"
    else:
        said += f"it leaves no more than guessing, an error of {in_percent(found[0].worst)}, which stands in for a "
        said += "permutation of every image on its own, since the study has none"
    missing = "; –: the error that counts as 1 is not certainly above the natural one"
    return said if all(each.index for each in found) else said + missing


def intervals(analysis: Analysis) -> str:
    """How the intervals were made, and which are not made like the others."""
    how = analysis.resampled
    drawn = f"{how.draws:,} draws, seed {how.seed}"
    optimism = "; of selection optimism Student's t over fresh seeds" if any(analysis.searches.values()) else ""
    if how.num_replicates == 1:
        return (
            f"a bootstrap over test images, {drawn}; none of calibration errors, learning curves and transfer{optimism}"
        )
    return (
        f"a two-way bootstrap over replicates and test images, {drawn}; of calibration errors, learning curves and "
        f"transfer Student's t over replicates{optimism}"
    )


def transfer_sample(analysis: Analysis) -> str:
    """On which test images a transfer matrix rests."""
    num_images = analysis.resampled.num_images
    if num_images <= TRANSFER_SAMPLE:
        return f"Everywhere on all {num_images:,} test images."
    return (
        f"Where both are the same, on all {num_images:,} test images; elsewhere on {TRANSFER_SAMPLE:,} of them, "
        "spread evenly."
    )


def algorithm(search: Search) -> str:
    """How a search chose its trials; in parallel, one that learns from finished trials chooses others."""
    return f"{search.algorithm}, in parallel" if search.order == "parallel" else search.algorithm


def settings(values: Mapping[str, object]) -> str:
    """What a search has chosen, field by field."""
    return ", ".join(
        f"{field} {value:.4g}" if isinstance(value, float) else f"{field} {value}" for field, value in values.items()
    )


# --- the answer -----------------------------------------------------------------------------------------------


def answer(analysis: Analysis) -> tuple[str, str]:
    """The answer to the question in one sentence, and the numbers that it rests on."""
    study = analysis.results.study
    if study.natural is None:
        return "This study cannot say: it has no natural images to compare with.", _errors(analysis)
    if study.headline is None:
        return "This study cannot say: it has natural images only.", _errors(analysis)
    prices = analysis.headline_prices()
    said = "; ".join(_parts(prices))
    return f"{said[0].upper()}{said[1:]}.", _prices_in_words(analysis, prices)


def _parts(prices: Sequence[Price]) -> Iterator[str]:
    """What is said of the models of every verdict, those that pay first."""
    single = [price for price in prices if price.difference.n == 1]
    several = [price for price in prices if price.difference.n > 1]
    for word, change in (("pays", "raises"), ("gains", "lowers")):
        if changed := [price for price in several if price.verdict == word]:
            yield f"scrambling the picture {change} the error of {_models(changed)} by {_range_of(changed)}"
    if equal := [price for price in several if price.verdict == "equal within the margin"]:
        yield f"scrambling changes the error of {_models(equal)} by less than {_margin(equal[0])}"
    if undecided := [price for price in several if price.verdict == "undecided"]:
        yield f"for {_models(undecided)} nothing is decided ({_would_decide(undecided)})"
    if single:
        yield f"one replicate cannot say it for {_models(single)}: another initialisation may do otherwise"


def _models(prices: Sequence[Price]) -> str:
    return listed([price.model for price in prices])


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _range_of(prices: Sequence[Price]) -> str:
    sizes = sorted({f"{100 * abs(price.difference.mean):.2f}" for price in prices}, key=float)
    return f"{' to '.join(sizes[:: max(len(sizes) - 1, 1)])} percentage points"


def _margin(price: Price) -> str:
    return margin(price.equivalence.margin, "percentage point")


def _would_decide(prices: Sequence[Price]) -> str:
    """How many replicates would tell the last of the undecided models, as far as power can say it."""
    needed = [price.needed for price in prices if price.needed is not None]
    differences = {
        f"a difference of {_margin(prices[0])}": [each.for_margin for each in needed],
        "the observed difference": [each.for_difference for each in needed],
    }
    for what, counts in differences.items():
        known = [count for count in counts if count is not None]
        if len(known) == len(counts) and max(known, default=0) > prices[0].difference.n:
            return f"about {max(known)} replicates would resolve {what}"
    for what, counts in differences.items():
        if None in counts:
            return f"{what} takes {_replicates(None)}"
    return "more replicates would tell"


def _prices_in_words(analysis: Analysis, prices: Sequence[Price]) -> str:
    """What the headline's permutation adds to the error of every model."""
    results = analysis.results
    study, replicates = results.study, results.study.replicates
    assert study.natural is not None
    assert study.headline is not None
    changes = []
    for price in prices:
        before, after = (analysis.cells[price.model, name].top1.mean for name in (study.natural, price.permutation))
        changes.append(f"{price.model} {points(price.difference)} ({in_percent(before)} → {in_percent(after)})")
    images = f"{analysis.resampled.num_images:,} test images"
    over = f"{replicates} replicates and {images}" if replicates > 1 else f"{images} alone"
    scrambling = describe_permutation(study.permutations[study.headline])
    return (
        f"Change of test error in percentage points with {study.headline} ({scrambling}), with the 95{SPACE}% interval "
        f"over {over}: {'; '.join(changes)}."
    )


def _errors(analysis: Analysis) -> str:
    errors = (f"{cell.model} on {cell.permutation} {in_percent(cell.top1)}" for cell in analysis.cells.values())
    return f"Test error: {'; '.join(errors)}."


# --- what figures show ----------------------------------------------------------------------------------------


def prices_in_words(analysis: Analysis) -> str:
    """What the main figure shows, for those who do not see it."""
    cells = "; ".join(_cell_in_words(analysis, cell) for cell in analysis.cells.values())
    return f"Test error with 95 % intervals. {cells}."


def _cell_in_words(analysis: Analysis, cell: CellNumbers) -> str:
    error = f"{cell.model}, {cell.permutation}: {in_percent(cell.top1)}"
    price = analysis.prices.get((cell.model, cell.permutation))
    return error if price is None else f"{error}, difference {points(price.difference)} percentage points"


def diverged(analysis: Analysis) -> list[str]:
    """A sentence for every cell with a training that diverged."""
    replicates = analysis.results.study.replicates
    return [
        f"{cell.diverged} of {replicates} trainings of {cell.model} under {cell.permutation} diverged: "
        "predictions that are not finite count as wrong."
        for cell in analysis.cells.values()
        if cell.diverged
    ]
