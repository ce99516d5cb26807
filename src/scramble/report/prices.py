"""What scrambling costs every model, and how sure that is."""

from dataclasses import dataclass, replace

from scramble.report.results import Cell, Results
from scramble.statistics import (
    CONFIDENCE,
    CrossedEstimate,
    Equivalence,
    McNemar,
    PriceVerdict,
    Resampling,
    bootstrap_test,
    equivalence,
    holm,
    mcnemar,
    price,
    price_verdict,
    replicates_to_resolve,
    structure_reliance,
    variance_components,
)


@dataclass(frozen=True)
class Reliance:
    """The structure reliance index of a model under a permutation."""

    index: CrossedEstimate | None
    """None where the worst error is not certainly above the natural one."""
    measured: bool
    """The worst error is the model's own under `per_image`; else it is that of guessing."""
    worst: float
    """The error that counts as 1: mean error under `per_image`, or of guessing the most frequent class."""


@dataclass(frozen=True)
class Needed:
    """How many replicates would resolve a difference with the chance of 80 %, at the level that Holm's correction
    leaves to its test; None where 1,000 do not."""

    for_margin: int | None
    """A difference as large as the margin."""
    for_difference: int | None
    """A difference as large as the one that was observed."""


@dataclass(frozen=True)
class Price:
    """Permuted minus natural top-1 error of one model, a fraction, paired by replicate and test image."""

    model: str
    permutation: str
    difference: CrossedEstimate
    runs: tuple[float, ...]
    """Of every replicate."""
    mcnemar: tuple[McNemar, ...]
    """Of every replicate."""
    p_value: float
    """Of no difference: the paired bootstrap test over replicates and images at once."""
    adjusted_p: float
    """The same, by Holm, over all models of the study under this permutation."""
    equivalence: Equivalence
    verdict: PriceVerdict
    """`undecided` also where the interval decides, but not after Holm's correction."""
    reliance: Reliance
    needed: Needed | None
    """None where the price is decided, or where one replicate has no spread."""


def prices(results: Results, resampling: Resampling) -> dict[tuple[str, str], Price]:
    """By (model, permutation) in the order of the grid; empty where the study has no natural permutation.

    Holm's families are the models of the study under one permutation.
    """
    study = results.study
    if study.natural is None:
        return {}
    found = {}
    for permutation in study.scrambled:
        of_models = [_price(results, model, permutation, resampling) for model in study.grid.models]
        p_values = [each.p_value for each in of_models]
        for each, adjusted_p in zip(of_models, holm(p_values), strict=True):
            step = sum(p_value >= each.p_value for p_value in p_values)  # what Holm divides the level by
            found[each.model, permutation] = _corrected(each, adjusted_p, step, results)
    return {(model, name): found[model, name] for model in study.grid.models for name in study.scrambled}


def _price(results: Results, model: str, permutation: str, resampling: Resampling) -> Price:
    """The price of one model, not yet corrected for the others."""
    study = results.study
    assert study.natural is not None
    natural, permuted = results.cells[model, study.natural], results.cells[model, permutation]
    difference = price(natural.errors, permuted.errors, resampling)
    p_value, margin = bootstrap_test(difference), study.report.equivalence_margin
    return Price(
        model=model,
        permutation=permutation,
        difference=difference,
        runs=tuple(after - before for before, after in zip(_errors(natural), _errors(permuted), strict=True)),
        mcnemar=tuple(mcnemar(*pair) for pair in zip(natural.errors, permuted.errors, strict=True)),
        p_value=p_value,
        adjusted_p=p_value,
        equivalence=equivalence(difference, margin),
        verdict=price_verdict(difference, margin),
        reliance=_reliance(results, model, permutation, resampling),
        needed=None,
    )


def _errors(cell: Cell) -> list[float]:
    return cell.values("top1_error")


def _corrected(found: Price, adjusted_p: float, step: int, results: Results) -> Price:
    """The same price among those of the other models."""
    lost = found.verdict in ("pays", "gains") and adjusted_p >= 1 - CONFIDENCE
    verdict: PriceVerdict = "undecided" if lost else found.verdict
    several = found.difference.n > 1
    needed = _needed(found, 1 - (1 - CONFIDENCE) / step, results) if verdict == "undecided" and several else None
    return replace(found, adjusted_p=adjusted_p, verdict=verdict, needed=needed)


def _needed(found: Price, confidence: float, results: Results) -> Needed:
    assert results.study.natural is not None
    natural, permuted = (results.cells[found.model, name] for name in (results.study.natural, found.permutation))
    components = variance_components(permuted.errors.astype(float) - natural.errors)
    return Needed(
        for_margin=replicates_to_resolve(found.equivalence.margin, components, confidence=confidence),
        for_difference=replicates_to_resolve(found.difference.mean, components, confidence=confidence),
    )


def _reliance(results: Results, model: str, permutation: str, resampling: Resampling) -> Reliance:
    study = results.study
    assert study.natural is not None
    natural, permuted = results.cells[model, study.natural], results.cells[model, permutation]
    per_image = next((name for name in study.scrambled if study.permutations[name].family == "per_image"), None)
    if per_image is None:
        worst = guessing_error(results)
        return Reliance(structure_reliance(natural.errors, permuted.errors, worst, resampling), False, worst)
    errors = results.cells[model, per_image].errors
    return Reliance(structure_reliance(natural.errors, permuted.errors, errors, resampling), True, float(errors.mean()))


def guessing_error(results: Results) -> float:
    """The test error of always saying the class that is the most frequent in training."""
    train, test = (results.info.splits[name].per_class for name in ("train", "test"))
    return 1 - test[train.index(max(train))] / sum(test)
