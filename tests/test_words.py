"""What the report says in words is what its numbers say."""

from dataclasses import replace

import numpy as np
import pytest

import synthetic_study
from scramble import params
from scramble.report import numbers, words
from scramble.report.analysis import Analysis, analyse
from scramble.report.prices import Needed, Price
from scramble.report.results import gather
from scramble.statistics import CrossedEstimate, Estimate

SPACE = "\N{NO-BREAK SPACE}"
IDENTITY = {"identity": {"family": "identity"}}
FOUR = ("mlp", "lenet5", "alexnet_small", "resnet20")


@pytest.fixture
def analysis(tmp_path, monkeypatch) -> Analysis:
    monkeypatch.chdir(tmp_path)
    return analyse(gather(synthetic_study.write(synthetic_study.document(FOUR), image_shape=(32, 32, 3))))


def priced(analysis: Analysis, **said) -> Analysis:
    """The analysis with the headline's prices (verdict, difference, needed) by model; other models have none."""
    prices = {}
    for model, (verdict, difference, needed) in said.items():
        price = analysis.prices[model, "pixels"]
        estimate = CrossedEstimate(difference, difference - 0.01, difference + 0.01, 3, 300, price.difference.draws)
        prices[model, "pixels"] = replace(price, verdict=verdict, difference=estimate, needed=needed)
    return replace(analysis, prices=prices)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (
            {"mlp": ("equal within the margin", 0.001, None), "lenet5": ("pays", 0.0344, None)},
            "Scrambling the picture raises the error of lenet5 by 3.44 percentage points; scrambling changes the error "
            "of mlp by less than 1 percentage point.",
        ),
        (
            {model: ("pays", 0.02 + 0.03 * step, None) for step, model in enumerate(FOUR)},
            "Scrambling the picture raises the error of mlp, lenet5, alexnet_small and resnet20 by 2.00 to 11.00 "
            "percentage points.",
        ),
        (
            {"mlp": ("gains", -0.0123, None)},
            "Scrambling the picture lowers the error of mlp by 1.23 percentage points.",
        ),
        (
            {"mlp": ("equal within the margin", 0.001, None)},
            "Scrambling changes the error of mlp by less than 1 percentage point.",
        ),
        (
            {"mlp": ("undecided", 0.002, Needed(12, None)), "lenet5": ("undecided", 0.004, Needed(7, 40))},
            "For mlp and lenet5 nothing is decided (about 12 replicates would resolve a difference of 1 percentage "
            "point).",
        ),
        (
            {"mlp": ("undecided", 0.004, Needed(2, 40)), "lenet5": ("undecided", 0.004, Needed(3, 17))},
            "For mlp and lenet5 nothing is decided (about 40 replicates would resolve the observed difference).",
        ),
        (
            {"mlp": ("undecided", 0.03, Needed(None, 7))},
            "For mlp nothing is decided (about 7 replicates would resolve the observed difference).",
        ),
        (
            {"mlp": ("undecided", 0.004, Needed(None, None))},
            "For mlp nothing is decided (a difference of 1 percentage point takes more than 1,000 replicates).",
        ),
        (
            {"mlp": ("undecided", 0.03, Needed(2, 2))},
            "For mlp nothing is decided (more replicates would tell).",
        ),
    ],
)
def test_the_answer_names_models_by_their_verdict(analysis, prices, said):
    assert words.answer(priced(analysis, **prices))[0] == said


def test_the_numbers_behind_the_answer(analysis):
    said = words.answer(priced(analysis, mlp=("pays", 0.0344, None)))[1]
    natural, permuted = (100 * analysis.cells["mlp", name].top1.mean for name in ("identity", "pixels"))
    assert said == (
        "Change of test error in percentage points with pixels (all pixels trade places), with the 95\N{NO-BREAK SPACE}"
        f"% interval over 3 replicates and 300 test images: mlp +3.44{SPACE}±{SPACE}1.00 "
        f"({natural:.2f}{SPACE}% → {permuted:.2f}{SPACE}%)."
    )


def studied(replicates=3, models=("mlp",), permutations=None) -> Analysis:
    return analyse(gather(synthetic_study.write(synthetic_study.document(models, permutations, replicates))))


@pytest.mark.parametrize(
    ("permutations", "said"),
    [
        ({"pixels": {"family": "pixels"}}, "This study cannot say: it has no natural images to compare with."),
        (IDENTITY, "This study cannot say: it has natural images only."),
    ],
)
def test_a_study_that_cannot_answer_says_so(tmp_path, monkeypatch, permutations, said):
    monkeypatch.chdir(tmp_path)
    answer, numbers_behind = words.answer(studied(permutations=permutations))
    assert answer == said
    assert numbers_behind.startswith(f"Test error: mlp on {next(iter(permutations))} ")


def test_one_replicate_cannot_answer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    analysis = studied(replicates=1, models=("mlp", "lenet5"))
    answer, numbers_behind = words.answer(analysis)
    assert answer == ("One replicate cannot say it for mlp and lenet5: another initialisation may do otherwise.")
    assert f"with the 95{SPACE}% interval over 300 test images alone: mlp " in numbers_behind
    assert words.verdict(analysis.prices["mlp", "pixels"]) == "undecided: one replicate"
    assert words.what_would_resolve(analysis.prices["mlp", "pixels"]) == ""


def test_the_headline_is_the_last_that_scrambles_where_there_are_no_pixels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    permutations = IDENTITY | {"rows": {"family": "rows"}, "tiles": {"family": "tiles", "size": 4}}
    assert "with tiles (tiles of 4×4 pixels trade places" in words.answer(studied(permutations=permutations))[1]


# --- verdicts -------------------------------------------------------------------------------------------------


def test_words_of_verdicts_stand_in_the_legend(analysis):
    price: Price = analysis.prices["mlp", "pixels"]
    for verdict in ("pays", "gains", "equal within the margin", "undecided"):
        assert words.verdict(replace(price, verdict=verdict)) in words.legend(0.01)
    assert "equal within 0.5 points" in words.legend(0.005)


def test_what_would_resolve_it(analysis):
    price = replace(analysis.prices["mlp", "pixels"], needed=Needed(12, None))
    assert words.what_would_resolve(price) == (
        "a difference of 1 point: 12 replicates; the observed one: more than 1,000 replicates"
    )


def test_the_measure_of_reliance_is_said(analysis):
    price = analysis.prices["mlp", "pixels"]
    said = words.reliance([price])
    assert f"guessing, an error of {100 * price.reliance.worst:.2f}{SPACE}%" in said
    assert said.endswith("since the study has none")
    measured = replace(price, reliance=replace(price.reliance, measured=True))
    assert words.reliance([measured]).endswith("1: as much as a permutation of every image on its own")
    without = replace(price, reliance=replace(price.reliance, index=None))
    assert words.reliance([price, without]) == (
        f"{said}; –: the error that counts as 1 is not certainly above the natural one"
    )


def test_how_the_intervals_were_made_is_told(analysis):
    said = words.intervals(analysis)
    assert said.startswith("a two-way bootstrap over replicates and test images, 2,000 draws, seed ")
    assert said.endswith("of calibration errors, learning curves and transfer Student's t over replicates")
    single = replace(analysis, resampled=replace(analysis.resampled, num_replicates=1))
    assert "two-way" not in words.intervals(single)
    assert "Student" not in words.intervals(single)
    assert "none of calibration errors" in words.intervals(single)
    searched = replace(analysis, searches={("mlp", "pixels"): object()})
    assert words.intervals(searched) == f"{said}; of selection optimism Student's t over fresh seeds"


def test_trainings_that_diverged_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    assert words.diverged(analyse(gather(study))) == []
    logits = np.load("predictions/synthetic/mlp/pixels.npy")
    logits[0, 3] = np.inf
    synthetic_study.predict(study, "mlp", {"pixels": logits})
    assert words.diverged(analyse(gather(study))) == [
        "1 of 3 trainings of mlp under pixels diverged: predictions that are not finite count as wrong."
    ]


def test_every_family_can_be_described():
    specs = {
        **{family: {"family": family} for family in ("identity", "pixels", "rows", "columns", "rows_columns")},
        **{family: {"family": family} for family in ("channels", "per_image", "transpose")},
        "within": {"family": "within_tiles", "size": 7},
        "tiles": {"family": "tiles", "size": 7},
        "swaps": {"family": "swaps", "share": 0.25},
        "flip": {"family": "flip", "axis": "vertical"},
    }
    study = params.Study.model_validate(synthetic_study.document(permutations=specs))
    said = {name: words.describe_permutation(spec) for name, spec in study.permutations.items()}
    assert said["swaps"] == "25% of the pixels trade places"
    assert said["within"] == "pixels trade places inside their tile of 7×7"
    assert {spec.family for spec in study.permutations.values()} == set(words.FAMILIES)


def test_the_images_of_a_transfer_matrix_are_told(analysis):
    assert words.transfer_sample(analysis) == "Everywhere on all 300 test images."
    many = replace(analysis, resampled=replace(analysis.resampled, num_images=10_000))
    assert "on all 10,000 test images; elsewhere on 2,500 of them" in words.transfer_sample(many)


def test_a_parallel_search_is_told_from_a_serial_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), searched=("mlp",))
    search = gather(study).searches["mlp", "pixels"]
    assert words.algorithm(search) == "random"
    assert words.algorithm(replace(search, algorithm="bayesian", order="parallel")) == "bayesian, in parallel"


def test_settings_of_a_search():
    assert (
        words.settings({"learning_rate": 0.00123456, "optimizer": "adam"}) == "learning_rate 0.001235, optimizer adam"
    )


# --- numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (numbers.percent(Estimate(0.0136, 0.0125, 0.0147, 5)), f"1.36{SPACE}±{SPACE}0.11"),
        (numbers.points(Estimate(-0.004, None, None, 1)), "−0.40"),
        (numbers.points(-0.000001), "+0.00"),
        (numbers.in_percent(0.5), f"50.00{SPACE}%"),
        (numbers.plain(None), "–"),
        (numbers.plain(float("inf")), "not finite"),
        (numbers.percent(Estimate(float("nan"), None, None, 3)), "not finite"),
        (numbers.plain(0.25, 2), "0.25"),
        (numbers.limits(Estimate(0.01, -0.002, 0.022, 3)), "−0.20 to +2.20"),
        (numbers.limits(Estimate(0.01, None, None, 1)), "–"),
        (numbers.limits(None), "–"),
        (numbers.p_value(0.0004), f"<{SPACE}0.001"),
        (numbers.p_value(0.001), "0.001"),
        (numbers.p_value(0.05), "0.050"),
        (numbers.margin(0.01), "1 point"),
        (numbers.margin(0.025), "2.5 points"),
    ],
)
def test_numbers_as_they_are_printed(printed, expected):
    assert printed == expected
