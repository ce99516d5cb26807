"""The numbers of a report against cases worked out by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthetic_study
from scramble import params, verdicts
from scramble.errors import UserError
from scramble.report.analysis import Analysis, analyse
from scramble.report.curves import strength
from scramble.report.results import gather
from scramble.statistics import equivalence, mean_interval, price_verdict, replicates_to_resolve, variance_components

IDENTITY = {"identity": {"family": "identity"}}
TILES = IDENTITY | {
    "within_4": {"family": "within_tiles", "size": 4},
    "tiles_7": {"family": "tiles", "size": 7},
    "pixels": {"family": "pixels"},
}
LABELS = np.repeat(np.arange(10), 20).astype(np.int32)  # 200 images, guessing is wrong on 90 %


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def wrong(*counts):
    """Errors (replicates, images): replicate r is wrong on its first counts[r] images."""
    return (np.arange(len(LABELS)) < np.array(counts)[:, None]).astype(int)


def analysed(errors, permutations=None, models=("mlp", "lenet5"), **others) -> Analysis:
    """A study whose networks are wrong where `errors`, by (model, permutation), says so."""
    replicates = len(next(iter(errors.values())))
    description = synthetic_study.document(models, permutations, replicates=replicates, **others)
    study = synthetic_study.write(description, labels=LABELS)
    for model in models:
        own = {name: synthetic_study.logits_of(values, LABELS) for (of, name), values in errors.items() if of == model}
        synthetic_study.predict(study, model, own)
    return analyse(gather(study))


# --- cells ----------------------------------------------------------------------------------------------------


def test_a_cell_by_hand():
    analysis = analysed({("mlp", "identity"): wrong(10, 20, 30)}, models=("mlp",))
    cell = analysis.cells["mlp", "identity"]
    assert cell.top1.mean == pytest.approx(0.1)
    assert (cell.top1.n, cell.top1.num_images, cell.runs) == (3, 200, (0.05, 0.1, 0.15))
    assert cell.top1.low < 0.1 < cell.top1.high
    assert cell.spread.between == pytest.approx(0.05)
    assert cell.binomial == pytest.approx((0.1 * 0.9 / 200) ** 0.5)
    # The 10, 20 and 30 first images are those of class 0, taken for 1, and half of those of class 1, taken for 2.
    assert [error.mean if error else None for error in cell.class_errors] == pytest.approx([50 / 60, 10 / 60, *[0] * 8])
    assert cell.confusion[:2, :3].tolist() == [[10, 50, 0], [0, 50, 10]]
    confidence = math.exp(4) / (math.exp(4) + 9)
    assert cell.ece.mean == pytest.approx(np.mean([abs(1 - error - confidence) for error in cell.runs]))
    filled = cell.reliability.count > 0
    assert cell.reliability.count[filled].tolist() == [600]
    assert cell.reliability.accuracy[filled] == pytest.approx(0.9)
    likelihood = -math.log(confidence) + 4 * 0.1
    assert cell.nll.mean == pytest.approx(likelihood, abs=1e-6)
    assert cell.metric("nll") is cell.nll


def test_means_are_those_of_metrics_csv():
    study = synthetic_study.write(synthetic_study.document())
    noise = np.random.default_rng(0).normal(size=(3, 300, 10))
    synthetic_study.predict(study, "mlp", {"pixels": noise})
    analysis = analyse(gather(study))
    for place, cell in analysis.results.cells.items():
        for metric in ("top1_error", "top5_error", "nll", "brier", "ece"):
            found = analysis.cells[place].metric(metric)
            assert found.mean == pytest.approx(np.mean(cell.values(metric)), rel=1e-6), metric
    assert 0.4 < analysis.cells["mlp", "pixels"].top5.mean < 0.6


def test_a_class_without_test_images_has_no_error():
    labels = np.repeat(np.arange(9), 20).astype(np.int32)  # no 9
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), labels=labels)
    never = np.load("predictions/synthetic/mlp/pixels.npy")
    never[:, :, 4] = -50.0
    synthetic_study.predict(study, "mlp", {"pixels": never})
    cell = analyse(gather(study)).cells["mlp", "pixels"]
    assert cell.class_errors[9] is None
    assert cell.class_errors[4].mean == 1
    assert cell.confusion[:, 4].sum() == 0


def test_a_diverged_training_is_wrong_everywhere_and_has_no_likelihood():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), labels=LABELS)
    broken = np.load("predictions/synthetic/mlp/pixels.npy")
    broken[1] = np.nan
    synthetic_study.predict(study, "mlp", {"pixels": broken})
    cell = analyse(gather(study)).cells["mlp", "pixels"]
    assert cell.diverged == 1
    assert cell.runs[1] == 1
    assert math.isnan(cell.nll.mean)
    assert (cell.nll.low, cell.brier.high, cell.ece.low) == (None, None, None)
    assert cell.top1.low is not None


def test_the_same_study_gives_the_same_draws_and_another_seed_gives_others():
    errors = {("mlp", "identity"): wrong(10, 20, 30)}
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), labels=LABELS)
    synthetic_study.predict(study, "mlp", {"identity": synthetic_study.logits_of(errors["mlp", "identity"], LABELS)})
    once, again = (analyse(gather(study)).cells["mlp", "identity"].top1 for _ in range(2))
    assert np.array_equal(once.draws, again.draws)
    reseeded = study.model_copy(update={"seed": 2})
    assert not np.array_equal(once.draws, analyse(gather(reseeded)).cells["mlp", "identity"].top1.draws)


# --- prices ---------------------------------------------------------------------------------------------------

PAYS = {
    ("mlp", "identity"): wrong(10, 10, 10, 10),
    ("mlp", "pixels"): wrong(10, 10, 10, 10),
    ("lenet5", "identity"): wrong(6, 4, 6, 4),
    ("lenet5", "pixels"): wrong(66, 64, 68, 62),
}


def test_prices_by_hand():
    analysis = analysed(PAYS)
    mlp, lenet5 = analysis.headline_prices()
    assert lenet5.difference.mean == pytest.approx(0.3)
    assert lenet5.runs == pytest.approx([0.3, 0.3, 0.31, 0.29])
    assert [(test.natural_wrong, test.permuted_wrong) for test in lenet5.mcnemar] == [
        (0, 60),
        (0, 60),
        (0, 62),
        (0, 58),
    ]
    assert lenet5.mcnemar[0].p_value == pytest.approx(2 * 0.5**60)
    assert (lenet5.verdict, mlp.verdict) == ("pays", "equal within the margin")
    assert (lenet5.needed, mlp.needed) == (None, None)
    assert (mlp.p_value, mlp.adjusted_p) == (1, 1)
    assert lenet5.adjusted_p == pytest.approx(2 * lenet5.p_value)


def test_gains():
    analysis = analysed({(model, {"pixels": "identity"}.get(name, "pixels")): e for (model, name), e in PAYS.items()})
    assert [price.verdict for price in analysis.headline_prices()] == ["equal within the margin", "gains"]


def test_holms_family_is_the_models_under_one_permutation():
    names = TILES
    rng = np.random.default_rng(0)
    errors = {
        (model, name): (rng.random((3, 200)) < 0.1 + 0.03 * step).astype(int)
        for model in ("mlp", "lenet5")
        for step, name in enumerate(names)
    }
    analysis = analysed(errors, names)
    for name in list(names)[1:]:
        low, high = sorted((analysis.prices[model, name] for model in ("mlp", "lenet5")), key=lambda each: each.p_value)
        assert low.adjusted_p == pytest.approx(min(2 * low.p_value, 1))
        assert high.adjusted_p == pytest.approx(max(high.p_value, low.adjusted_p))
    assert list(analysis.prices) == [(model, name) for model in ("mlp", "lenet5") for name in list(names)[1:]]


def test_what_holms_correction_takes_back_is_undecided():
    analysis = analyse(gather(synthetic_study.write(synthetic_study.document())))
    price = analysis.prices["lenet5", "pixels"]
    assert price_verdict(price.difference, 0.01) == "pays"
    assert price.p_value < 0.05 <= price.adjusted_p
    assert price.verdict == "undecided"


def test_an_undecided_price_says_how_many_replicates_would_decide_it():
    errors = {("mlp", "identity"): wrong(10, 20, 30), ("mlp", "pixels"): wrong(24, 18, 33)}
    price = analysed(errors, models=("mlp",)).prices["mlp", "pixels"]
    assert price.verdict == "undecided"
    components = variance_components(errors["mlp", "pixels"] - errors["mlp", "identity"])
    assert price.needed.for_margin == replicates_to_resolve(0.01, components)
    assert price.needed.for_difference == replicates_to_resolve(price.difference.mean, components)
    assert price.needed.for_difference < price.needed.for_margin


def test_replicates_are_counted_by_the_level_that_holm_leaves():
    analysis = analyse(gather(synthetic_study.write(synthetic_study.document())))
    price = analysis.prices["lenet5", "pixels"]
    assert price.adjusted_p == pytest.approx(2 * price.p_value)
    errors = [analysis.results.cells["lenet5", name].errors.astype(float) for name in ("pixels", "identity")]
    components = variance_components(errors[0] - errors[1])
    uncorrected = replicates_to_resolve(price.difference.mean, components)
    assert price.needed.for_difference == replicates_to_resolve(price.difference.mean, components, confidence=0.975)
    assert price.needed.for_difference > uncorrected


def test_one_replicate_decides_nothing():
    price = analysed({(m, n): errors[:1] for (m, n), errors in PAYS.items()}).prices["lenet5", "pixels"]
    assert (price.verdict, price.needed) == ("undecided", None)
    assert price.difference.over == "images"


def test_the_margin_is_that_of_the_params():
    errors = {("mlp", "identity"): wrong(10, 11, 12), ("mlp", "pixels"): wrong(14, 15, 16)}
    strict = analysed(errors, models=("mlp",)).prices["mlp", "pixels"]
    assert (strict.equivalence.margin, strict.verdict) == (0.01, "pays")
    study = params.Study.model_validate(
        synthetic_study.document(("mlp",), report={"equivalence_margin": 0.05})  # the same files on the disk
    )
    assert analyse(gather(study)).prices["mlp", "pixels"].equivalence == equivalence(strict.difference, 0.05)
    assert analyse(gather(study)).prices["mlp", "pixels"].verdict == "equal within the margin"


def test_reliance_on_structure_against_guessing():
    reliance = analysed(PAYS).prices["lenet5", "pixels"].reliance
    assert (reliance.measured, reliance.worst) == (False, 0.9)
    assert reliance.index.mean == pytest.approx(0.3 / (0.9 - 0.025))


def test_guessing_is_the_most_frequent_class_of_training():
    labels = np.repeat(np.arange(3), (10, 60, 30)).astype(np.int32)
    description = synthetic_study.document(models=("mlp",))
    study = synthetic_study.write(description, class_names=("a", "b", "c"), labels=labels)
    assert analyse(gather(study)).prices["mlp", "pixels"].reliance.worst == pytest.approx(0.4)


def test_reliance_on_structure_against_per_image():
    permutations = {**IDENTITY, "pixels": {"family": "pixels"}, "each": {"family": "per_image"}}
    errors = {("lenet5", "identity"): wrong(10, 10), ("lenet5", "pixels"): wrong(35, 35)}
    analysis = analysed(errors | {("lenet5", "each"): wrong(110, 110)}, permutations, ("lenet5",))
    reliance = analysis.prices["lenet5", "pixels"].reliance
    assert (reliance.measured, reliance.worst) == (True, 0.55)
    assert reliance.index.mean == pytest.approx(0.25)
    assert analysis.prices["lenet5", "each"].reliance.index.mean == pytest.approx(1)


def test_no_index_where_the_worst_error_is_no_worse_than_the_natural_one():
    analysis = analysed({("mlp", "identity"): wrong(190, 180), ("mlp", "pixels"): wrong(190, 180)}, models=("mlp",))
    assert analysis.prices["mlp", "pixels"].reliance.index is None


@pytest.mark.parametrize(
    "permutations", [IDENTITY, {"pixels": {"family": "pixels"}, "rows": {"family": "rows"}}], ids=["natural", "none"]
)
def test_a_study_without_a_comparison_has_no_prices(permutations):
    study = synthetic_study.write(synthetic_study.document(permutations=permutations))
    analysis = analyse(gather(study))
    assert (analysis.prices, analysis.headline_prices()) == ({}, [])
    assert len(analysis.cells) == 2 * len(permutations)


# --- structure ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        ({"family": "within_tiles", "size": 1}, (28, 28, 1), 0),
        ({"family": "within_tiles", "size": 2}, (28, 28, 1), math.log(2) / math.log(28)),
        ({"family": "within_tiles", "size": 28}, (28, 28, 3), 1),
        ({"family": "tiles", "size": 28}, (28, 28, 1), 0),
        ({"family": "tiles", "size": 14}, (28, 28, 1), math.log(2) / math.log(28)),
        ({"family": "tiles", "size": 1}, (28, 28, 1), 1),
        *(({"family": "tiles", "size": size}, (size, size, 1), 0) for size in range(2, 65)),
        ({"family": "within_tiles", "size": 4}, (4, 8, 1), math.log(16) / math.log(32)),
        ({"family": "identity"}, (28, 28, 1), 0),
        ({"family": "pixels"}, (28, 28, 1), 1),
    ],
)
def test_strength_is_a_share_of_the_logarithm_of_length(spec, shape, expected):
    study = params.Study.model_validate(synthetic_study.document(permutations={"one": spec}))
    found = strength(study.permutations["one"], shape)
    assert found == (expected if expected in (0, 1) else pytest.approx(expected))


def test_structure_curves_by_hand():
    counts = {"identity": 20, "within_4": 40, "tiles_7": 30, "pixels": 80}
    analysis = analysed({("mlp", name): wrong(count, count) for name, count in counts.items()}, TILES, ("mlp",))
    fine, coarse = analysis.curves["mlp"]
    assert [(point.permutation, point.size) for point in fine.points] == [
        ("identity", None),
        ("within_4", 4),
        ("pixels", None),
    ]
    at = math.log(4) / math.log(28)
    assert [point.strength for point in fine.points] == pytest.approx([0, at, 1])
    assert [point.error.mean for point in fine.points] == pytest.approx([0.1, 0.2, 0.4])
    assert fine.area.mean == pytest.approx(at * 0.15 + (1 - at) * 0.3)
    assert coarse.points[1].strength == pytest.approx(1 - math.log(7) / math.log(28))
    assert coarse.family == "tiles"


def test_a_curve_without_an_end_has_no_area():
    permutations = IDENTITY | {"within_4": {"family": "within_tiles", "size": 4}}
    curves = analyse(gather(synthetic_study.write(synthetic_study.document(permutations=permutations)))).curves
    assert [(len(curve.points), curve.area) for curve in curves["mlp"]] == [(2, None)]


def test_permutations_of_one_strength_count_once_and_the_family_goes_before_pixels():
    permutations = TILES | {
        "again": {"family": "within_tiles", "size": 4, "seed": 1},
        "whole": {"family": "within_tiles", "size": 28},
    }
    counts = {"identity": 0, "within_4": 20, "again": 60, "whole": 100, "pixels": 200, "tiles_7": 0}
    analysis = analysed({("mlp", name): wrong(count, count) for name, count in counts.items()}, permutations, ("mlp",))
    fine = analysis.curves["mlp"][0]
    assert [point.permutation for point in fine.points] == ["identity", "within_4", "again", "whole"]
    at = math.log(4) / math.log(28)
    assert fine.area.mean == pytest.approx(at * (0 + 0.2) / 2 + (1 - at) * (0.2 + 0.5) / 2)


def test_no_curves_without_tiles_and_neighbours_in_order():
    permutations = {"pixels": {"family": "pixels"}, **IDENTITY}
    analysis = analyse(gather(synthetic_study.write(synthetic_study.document(permutations=permutations))))
    assert analysis.curves == {"mlp": (), "lenet5": ()}
    points = analysis.neighbours["lenet5"]
    assert [(point.permutation, point.kept) for point in points] == [("identity", 1.0), ("pixels", 0.0025)]
    assert points[0].error is analysis.cells["lenet5", "identity"].top1


# --- transfer, learning curves and searches -------------------------------------------------------------------


def test_transfer_is_read_as_trained_on_by_tested_on():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    errors = np.arange(12).reshape(2, 2, 3) / 100
    np.save("predictions/synthetic/mlp/transfer.npy", errors)
    matrix = analyse(gather(study)).transfer["mlp"]
    assert matrix.errors["identity", "pixels"] == mean_interval([0.03, 0.04, 0.05])
    assert matrix.means == pytest.approx(np.array([[0.01, 0.04], [0.07, 0.1]]))


def test_transfer_of_another_grid_is_refused():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    np.save("predictions/synthetic/mlp/transfer.npy", np.zeros((3, 3, 3)))
    with pytest.raises(UserError, match=r"transfer.npy has shape \(3, 3, 3\), the study has 2 permutations and 3"):
        gather(study)


def test_learning_curves_end_with_the_shortest_replicate():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    results = gather(study)
    curves = analyse(results).learning_curves["mlp", "pixels"]
    histories = results.cells["mlp", "pixels"].histories
    assert [len(history["epoch"]) for history in histories] == [6, 5, 6]
    assert len(curves["validation_loss"]) == 5
    assert curves["loss"][4] == mean_interval([history["loss"][4] for history in histories])


def test_selection_optimism_is_the_fresh_mean_minus_the_best_score():
    study = synthetic_study.write(synthetic_study.document(), searched=("lenet5",))
    searches = analyse(gather(study)).searches
    assert searches["mlp", "pixels"] is None
    found = searches["lenet5", "pixels"]
    assert found.optimism.mean == pytest.approx(0.02)  # (0.11 + 0.12 + 0.13) / 3 - 0.1
    assert found.optimism.half_width == pytest.approx(4.302653 * 0.01 / 3**0.5, abs=1e-6)
    assert [trial.number for trial in found.search.best(3)] == [3, 5, 1]
    assert len(found.search.best(9)) == 5  # one diverged
    shorter = replace(found.search, epochs=9, trials=(*found.search.trials, replace(found.search.trials[0], epochs=9)))
    assert [trial.score for trial in shorter.best()] == [0.2]  # of hyperband, those of its last rungs
    assert found.search.trials[1].values == {"learning_rate": "0.002", "label_smoothing": "0.1"}


def test_a_study_from_before_searches_has_none():
    study = synthetic_study.write(synthetic_study.document())
    for path in Path("models").rglob("search.json"):
        path.unlink()
    assert set(analyse(gather(study)).searches.values()) == {None}


# --- what is gathered beside ----------------------------------------------------------------------------------


def test_views_and_mistakes_are_those_of_the_grid():
    results = gather(synthetic_study.write(synthetic_study.document()))
    assert set(results.views) == set(results.view_numbers) == {("lenet5", "identity"), ("lenet5", "pixels")}
    assert results.views["lenet5", "pixels"].filters.shape == (5, 5, 1, 6)
    assert set(results.mistakes) == set(results.cells)
    assert results.mistakes["mlp", "pixels"].images.dtype == np.uint8


def test_a_stale_verification_is_left_out():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    fields = {"tolerance": 0, "differences": (), "events": (), "environment_changes": {}}
    recipe = "models/synthetic/mlp/identity/recipe/recipe.json"
    known = verdicts.digests([recipe])
    stages = {
        "tune@mlp-identity": verdicts.Reexecution(verdict="identical", outputs=known, **fields),
        "tune@mlp-pixels": verdicts.Reexecution(verdict="identical", outputs={recipe: "00"}, **fields),
    }
    verdicts.save(study, verdicts.Document(study="synthetic", stages=stages))
    assert list(gather(study).verification.stages) == ["tune@mlp-identity"]


def test_images_are_kept_in_few_bytes():
    cell = gather(synthetic_study.write(synthetic_study.document())).cells["mlp", "pixels"]
    assert {array.dtype.itemsize for array in (cell.errors, cell.top5_errors)} == {1}
    assert {array.dtype.itemsize for array in (cell.log_losses, cell.brier_scores)} == {4}
