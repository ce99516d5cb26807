import csv
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import synthetic_study
from scramble import params, verdicts
from scramble.errors import UserError
from scramble.report import ledgers, page, recipes, tables
from scramble.report.results import gather
from scramble.stages import report
from scramble.statistics import Estimate

IDENTITY = {"identity": {"family": "identity"}}
STRUCTURE = IDENTITY | {
    **{f"within{size}": {"family": "within_tiles", "size": size} for size in (2, 4, 7, 14)},
    **{f"tiles{size}": {"family": "tiles", "size": size} for size in (14, 7, 4, 2)},
    **{
        family: {"family": family} for family in ("rows", "columns", "rows_columns", "pixels", "per_image", "transpose")
    },
}
FOLDER = Path("reports/synthetic")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(description, **shape):
    """Runs the stage on a synthetic study and returns report.html."""
    report.run(synthetic_study.write(description, **shape))
    return (FOLDER / "report.html").read_text(encoding="utf-8")


def make_tables(description, **shape):
    """Writes what is no page, which needs no figures."""
    study = synthetic_study.write(description, **shape)
    tables.write(gather(study), FOLDER)


def read_csv(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Outline(HTMLParser):
    """What the checks of a page look at."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(html):
    """One file that loads nothing, every picture with words, headings in order, links that lead somewhere."""
    outline = Outline(html)
    assert outline.open == []
    for tag, attributes in outline.tags:
        for key in ("src", "href", "xlink:href"):
            assert attributes.get(key, "#").startswith(("#", "data:image/png;base64,")), (tag, key)
        assert tag not in ("script", "link", "iframe")
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    assert not re.search(r"@import|url\((?!#)", html)
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    identifiers = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    linked = [attributes["href"] for tag, attributes in outline.tags if tag == "a"]
    assert {link.removeprefix("#") for link in linked} <= set(identifiers)
    assert dict(outline.tags)["html"]["lang"] == "en"
    assert len(html) < 1_500_000
    assert not re.search(r"\bnan\b|None|Undefined", html)


def test_the_page_and_the_bytes_of_everything():
    study = synthetic_study.write(synthetic_study.document())
    report.run(study)
    once = {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    report.run(study)
    assert once == {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    assert {str(path.relative_to(FOLDER)) for path in once} == {
        *("report.html", "metrics.json", "results.csv", "verification.json"),
        *("plots/learning_curves.csv", "plots/errors.csv", "plots/confusion.csv"),
    }
    check_page((FOLDER / "report.html").read_text(encoding="utf-8"))


def test_metrics_json_holds_the_means_of_the_predictions():
    make_tables(synthetic_study.document())
    metrics = json.loads((FOLDER / "metrics.json").read_text())
    labels = np.load("data/synthetic/test/labels.npy")
    logits = np.load("predictions/synthetic/lenet5/pixels.npy")
    errors = (logits.argmax(axis=2) != labels).mean(axis=1)
    found = metrics["lenet5"]["pixels"]["top1_error"]
    assert found["mean"] == pytest.approx(errors.mean(), abs=1e-6)
    assert found["high"] - found["mean"] == pytest.approx(4.302653 * errors.std(ddof=1) / 3**0.5, abs=2e-6)
    assert found["n"] == 3
    assert list(metrics) == ["mlp", "lenet5"]
    assert list(metrics["mlp"]["identity"]) == ["top1_error", "top5_error", "nll"]


def test_tables_for_dvc_plots():
    make_tables(synthetic_study.document())
    curves = read_csv("plots/learning_curves.csv")
    assert curves[0]["run"] == "mlp identity 0"
    assert len(curves) == 2 * 2 * (6 + 5 + 6)
    confusion = read_csv("plots/confusion.csv")
    of_cell = [row for row in confusion if (row["model"], row["permutation"]) == ("mlp", "pixels")]
    assert sum(int(row["count"]) for row in of_cell) == 3 * 300
    assert sum(float(row["share"]) for row in of_cell) == pytest.approx(10, abs=1e-3)
    results = read_csv("results.csv")
    assert len(results) == 2 * 2 * 3 * (3 + 10)
    wrong = sum(int(row["count"]) for row in of_cell if row["actual"] != row["predicted"])
    errors = [row for row in read_csv("plots/errors.csv") if (row["model"], row["permutation"]) == ("mlp", "pixels")]
    assert float(errors[0]["mean"]) == pytest.approx(wrong / 900, abs=1e-6)


def test_the_structure_study():
    html = make(synthetic_study.document(permutations=STRUCTURE), num_test=200)
    check_page(html)
    assert "Change of test error in percentage points with pixels" in html


def test_one_mlp_with_one_replicate_on_colour_images():
    document = synthetic_study.document(models=("mlp",), replicates=1)
    html = make(document, image_shape=(32, 32, 3), class_names=("cat <b>", "$dog", "frog"))
    check_page(html)
    assert "±" not in re.sub(r"mean ± t|shift ±", "", html)
    assert "One replicate cannot say it for mlp" in html
    assert "cat &lt;b&gt;" in html
    top1 = json.loads((FOLDER / "metrics.json").read_text())["mlp"]["pixels"]["top1_error"]
    assert (top1["low"], top1["high"], top1["n"]) == (None, None, 1)


@pytest.mark.parametrize(
    ("permutations", "said"),
    [
        ({"pixels": {"family": "pixels"}, "rows": {"family": "rows"}}, "it has no natural images"),
        (IDENTITY, "it has natural images only"),
    ],
)
def test_a_study_that_cannot_answer_says_so(permutations, said):
    html = make(synthetic_study.document(models=("lenet5",), permutations=permutations))
    check_page(html)
    assert said in html
    assert "permuted error" not in html


def test_natural_goes_by_the_family_not_the_name():
    named = {"pixels": {"family": "pixels"}, "plain": {"family": "identity"}}
    results = gather(synthetic_study.write(synthetic_study.document(permutations=named)))
    assert results.natural == "plain"
    assert results.scrambled == ["pixels"]


def test_a_class_without_test_images_and_one_never_predicted():
    labels = np.repeat(np.arange(9), 30).astype(np.int32)  # no 9
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), labels=labels)
    for path in Path("predictions").rglob("confusion/*.npy"):
        counts = np.load(path)
        counts[:, :, 0] += counts[:, :, 4]
        counts[:, :, 4] = 0  # never predicted
        np.save(path, counts)
    report.run(study)
    check_page((FOLDER / "report.html").read_text(encoding="utf-8"))
    assert not [row for row in read_csv("plots/confusion.csv") if row["predicted"] == "4" or row["actual"] == "9"]
    assert {row["value"] for row in read_csv("results.csv") if row["metric"] == "class_9_error"} == {""}


def test_what_the_grid_does_not_name_is_not_looked_at():
    synthetic_study.write(synthetic_study.document())
    description = synthetic_study.document(permutations=IDENTITY)
    description["grid"]["models"] = ["lenet5"]
    (FOLDER / "old").touch()
    report.run(params.Study.model_validate(description))
    assert list(json.loads((FOLDER / "metrics.json").read_text())) == ["lenet5"]
    html = (FOLDER / "report.html").read_text(encoding="utf-8")
    assert "mlp" not in html
    assert "pixels trade" not in html
    assert not (FOLDER / "old").exists()


def test_predictions_of_other_replicates_are_refused_and_the_old_report_stays():
    synthetic_study.write(synthetic_study.document())
    (FOLDER / "report.html").write_text("old")
    study = params.Study.model_validate(synthetic_study.document(replicates=4))
    with pytest.raises(UserError, match="4 replicates and 300 test images: run `dvc repro`"):
        report.run(study)
    assert (FOLDER / "report.html").read_text() == "old"


def test_what_is_missing_is_named():
    study = synthetic_study.write(synthetic_study.document())
    Path("models/synthetic/mlp/ledger.json").unlink()
    with pytest.raises(UserError, match=r"models/synthetic/mlp/ledger.json is missing"):
        report.run(study)
    assert [path.name for path in FOLDER.iterdir()] == ["verification.json"]


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (Estimate(0.02, 0.01, 0.03, 3), "pays"),
        (Estimate(-0.02, -0.03, -0.01, 3), "gains"),
        (Estimate(0.02, -0.01, 0.05, 3), "no difference resolved"),
        (Estimate(0.02, 0.0, 0.04, 3), "no difference resolved"),
        (Estimate(0.02, None, None, 1), "one replicate, no interval"),
    ],
)
def test_verdict(price, said):
    assert page.verdict(price) == said


def test_the_answer_names_models_by_their_verdict():
    study = synthetic_study.write(synthetic_study.document(), num_test=3000)
    results = gather(study)
    paying = [
        model for model in ("mlp", "lenet5") if page.verdict(results.price(results.cells[model, "pixels"])) == "pays"
    ]
    assert paying == ["lenet5"]
    said, numbers = page.answer(results)
    assert said == "Scrambling the picture raises the error of lenet5; for mlp no difference is resolved."
    assert numbers.startswith("Change of test error in percentage points with pixels (all pixels trade places)")


def test_numbers_as_they_are_printed():
    space = "\N{NO-BREAK SPACE}"
    assert page.percent(Estimate(0.0136, 0.0125, 0.0147, 5)) == f"1.36{space}±{space}0.11"
    assert page.points(Estimate(-0.004, None, None, 1)) == "−0.40"
    assert page.points(-0.000001) == "+0.00"
    assert page.plain(None) == "–"
    assert page.plain(float("inf")) == "not finite"


def test_every_family_can_be_described():
    study = params.Study.model_validate(
        synthetic_study.document(
            permutations=STRUCTURE
            | {"swaps": {"family": "swaps", "share": 0.25}, "flip": {"family": "flip", "axis": "vertical"}}
            | {"channels": {"family": "channels"}}
        )
    )
    words = {name: page.describe_permutation(spec) for name, spec in study.permutations.items()}
    assert words["swaps"] == "25% of the pixels trade places"
    assert words["within7"] == "pixels trade places inside their tile of 7×7"
    assert {spec.family for spec in study.permutations.values()} == set(page.FAMILIES)


RECIPES = {
    "sgd": ({"optimizer": "sgd"}, {"optimizer": "sgd, Nesterov momentum 0.9"}),
    "plain momentum": ({"optimizer": "sgd", "nesterov": False}, {"optimizer": "sgd, momentum 0.9"}),
    "no momentum": ({"optimizer": "sgd", "momentum": 0}, {"optimizer": "sgd"}),
    "clip": ({"clip_norm": 0.5}, {"optimizer": "adam, gradients clipped at 0.5"}),
    "warm-up": ({"warmup_epochs": 1.5}, {"schedule": "cosine, 1.5 epochs of warm-up"}),
    "averages": ({"ema_decay": 0.99}, {"weights kept": "last epoch, moving averages (0.99)"}),
    "early stopping": (
        {"early_stopping": {"patience": 4}},
        {"weights kept": "best epoch, stops after 4 without improvement"},
    ),
    "best": ({"keep": "best"}, {"weights kept": "best epoch"}),
    "cutmix": (
        {"augmentation": {"max_shift": 2, "horizontal_flip": True, "cutout": 8, "mixup": 0.2, "cutmix": 1}},
        {"augmentation": "shift ±2 px, horizontal flip, cutout 8 px, mixup 0.2, cutmix 1"},
    ),
    "precision": ({"precision": "mixed_bfloat16"}, {"precision": "mixed bfloat16"}),
}
"""By name, what a recipe changes, and the entries of the table that say so."""


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_in_words(name):
    changes, said = RECIPES[name]
    plain = recipes.entries(params.Recipe.model_validate(synthetic_study.RECIPE))
    changed = recipes.entries(params.Recipe.model_validate(synthetic_study.RECIPE | changes))
    assert list(changed) == list(plain)
    assert {column: entry for column, entry in changed.items() if entry != plain[column]} == said


def test_every_entry_of_a_recipe_stands_below_its_column():
    html = make(synthetic_study.document(models=("mlp",)))
    table = html.split('aria-label="Table: the recipes"')[1].split("</table>")[0]
    columns, cells = re.findall(r'<th scope="col">([^<]*)</th>', table), re.findall(r"<td>([^<]*)</td>", table)
    assert columns[0] == "model"
    assert dict(zip(columns[1:], cells, strict=True)) == {
        "permutations": "all",
        "optimizer": "adam",
        "learning rate": "0.002",
        "schedule": "cosine",
        "batch size": "32",
        "epochs": "6",
        "weight decay": "0",
        "label smoothing": "0",
        "augmentation": "none",
        "weights kept": "last epoch",
        "precision": "float32",
    }


def rows_of(html, label):
    """The rows of the table that is labelled so: by their heading, what stands below each column."""
    table = html.split(f'aria-label="Table: {label}"')[1].split("</table>")[0]
    columns = re.findall(r'<th scope="col">([^<]*)</th>', table)[1:]
    rows = re.findall(r'<tr><th scope="row">([^<]*)</th>(.*)</tr>', table)
    return {name: dict(zip(columns, re.findall(r"<td[^>]*>([^<]*)</td>", row), strict=True)) for name, row in rows}


def test_the_ledger_stands_in_the_report():
    html = make(synthetic_study.document(models=("mlp", "lenet5")))
    assert rows_of(html, "the ledger")["lenet5"] == {
        "architecture": "lenet5",
        "trainable parameters": "61,706",
        "in convolutions (%)": "4.2",
        "in dense layers (%)": "95.8",
        "in normalisations (%)": "0.1",
        "multiply-accumulates": "416,520",
        "activations (MB)": "0.04",
    }
    assert rows_of(html, "the structure that the models presuppose")["mlp"] == {
        "depth": "3",
        "receptive field (pixels)": "14 × 6",
        "connections": "423,000",
        "sharing factor": "6.9",
        "first layer's units": "4,704",
        "their parameters": "156",
        "fully connected": "3,692,640",
    }
    assert 'aria-label="Receptive field by depth; the images have 28 × 28 pixels. mlp: 14 × 6 pixels at depth 2' in html


def test_fields_by_depth_follow_the_map_and_then_see_the_whole_image():
    ledger = synthetic_study.LEDGER
    assert ledgers.map_depth(ledger) == 2
    assert ledgers.field_by_depth(ledger, (28, 20, 1)) == (1, 6, 14, 28)
    assert ledgers.field_by_depth(ledger, (9, 12, 1)) == (1, 6, 14, 14)  # more than the image stays more
    without_map = ledger | {"layers": [row | {"receptive_field": None} for row in ledger["layers"]]}
    assert ledgers.field_by_depth(without_map, (28, 20, 1)) == (1, 28, 28, 28)
    assert ledgers.fields_in_words({"a": ledger, "b": without_map}, (28, 20, 1)) == (
        "Receptive field by depth; the images have 28 × 20 pixels. "
        "a: 14 × 6 pixels at depth 2, the whole image at depth 3; b: the whole image from the first layer on."
    )


def found(verdict, **changes):
    """A stage executed again."""
    fields = {"tolerance": 1e-5, "outputs": {}, "differences": (), "events": (), "environment_changes": {}}
    return verdicts.Reexecution(verdict=verdict, **fields | changes)


@pytest.mark.parametrize(
    ("file", "command"),
    [("params.yaml", "verify</code></p>"), ("pipelines/synthetic/params.yaml", "verify --study synthetic</code></p>")],
)
def test_nothing_verified_yet(file, command):
    html = make(synthetic_study.document(models=("mlp",), params=file))
    assert f"Nothing verified yet: <code>python src/scramble {command}" in html


def test_what_verification_found():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    weights = verdicts.Difference(
        file="model.weights.h5",
        where="dense/vars/0",
        absolute=0.25,
        relative=0.5,
        largest_relative=0.5,
        within_tolerance=False,
    )
    changes = {"python": ("3.11.7", "3.12.1"), "flags.XLA_FLAGS": (None, "<fast>")}
    stages = {
        "fetch": found("identical"),
        "train@mlp-identity": found("different", differences=(weights,), environment_changes=changes),
        "train@mlp-pixels": found("equal within tolerance", events=("events.out.tfevents.scramble",)),
    }
    outcomes = {"inverse permutation": None, "permuted rows": True, "random labels": False}
    controls = tuple(
        verdicts.Control(name=name, expected="expected", measured="measured", passed=passed)
        for name, passed in outcomes.items()
    )
    document = verdicts.Document(study="synthetic", stages=stages, controls=verdicts.Controls(results=controls))
    verdicts.save(study, document)
    report.run(study)
    html = (FOLDER / "report.html").read_text(encoding="utf-8")
    check_page(html)
    section = html.split('<section id="verification">')[1]
    assert "Nothing verified yet" not in section
    assert "<td>model.weights.h5: dense/vars/0 differs by 0.25, relative 0.5</td>" in section
    assert "<td>python: 3.11.7 → 3.12.1; flags.XLA_FLAGS: – → &lt;fast&gt;</td>" in section
    assert re.findall(r"<td>([a-z ]*)</td></tr>", section) == ["does not apply", "passed", "failed"]
    assert "<td>event files have other bytes</td>" in section
    assert verdicts.read(FOLDER / "verification.json") == document


def test_a_damaged_verification_is_refused():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    (FOLDER / "verification.json").write_text('{"study": "synthetic", "stages": {"fetch": {}}}')
    with pytest.raises(UserError, match=r"verification.json is damaged \(at stages.fetch.verdict\): delete it"):
        report.run(study)
