"""The page and the stage that writes it, on finished studies without the training."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml

import synthetic_study
from scramble import params, verdicts
from scramble.errors import UserError
from scramble.report import ledgers, page, recipes
from scramble.stages import report

IDENTITY = {"identity": {"family": "identity"}}
PIXELS = {"pixels": {"family": "pixels"}}
STRUCTURE = IDENTITY | {
    **{f"within{size}": {"family": "within_tiles", "size": size} for size in (2, 14)},
    **{f"tiles{size}": {"family": "tiles", "size": size} for size in (14, 2)},
    **{family: {"family": family} for family in ("rows", "pixels", "per_image", "transpose")},
}
FOLDER, SUMMARY = Path("reports/synthetic"), Path("runs/synthetic/summary")
DVC_YAML = Path(__file__).parent.parent / "dvc.yaml"


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make(description, **shape):
    """Runs the stage on a synthetic study and returns report.html."""
    report.run(synthetic_study.write(description, **shape))
    return (FOLDER / "report.html").read_text(encoding="utf-8")


class Outline(HTMLParser):
    """The tags of a page, and its tables by their labels: a row is {column: (text, data-value)}."""

    VOID = ("meta", "img", "br")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.tables, self.script = [], [], {}, ""
        self.cells = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag not in self.VOID:
            self.open.append(tag)
        if (label := attributes.get("aria-label", "")).startswith("Table: "):
            self.rows = self.tables.setdefault(label.removeprefix("Table: "), [])
        elif tag == "tr":
            self.cells = []
        elif tag in ("th", "td"):
            self.cells.append(["", attributes.get("data-value")])

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.script += data
        elif {"th", "td"} & {*self.open}:
            self.cells[-1][0] += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr" and "thead" in self.open:
            self.columns = [text for text, _ in self.cells]
        elif tag == "tr":
            self.rows.append(dict(zip(self.columns, map(tuple, self.cells), strict=True)))


def rows(html, label):
    """The rows of a table, by column what stands in it."""
    return [{column: text for column, (text, _) in row.items()} for row in Outline(html).tables[label]]


def check_page(html):
    """One file that loads nothing, every picture with words, headings in order, links that lead somewhere."""
    outline = Outline(html)
    assert outline.open == []
    for tag, attributes in outline.tags:
        for key in ("src", "href", "xlink:href"):
            assert attributes.get(key, "#").startswith(("#", "data:image/png;base64,")), (tag, key)
        assert tag not in ("link", "iframe")
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
    assert all(rows for rows in outline.tables.values()), "a table without rows"
    numbers = [value for table in outline.tables.values() for row in table for _, value in row.values() if value]
    assert all(np.isfinite(float(value)) for value in numbers)
    assert not re.search(
        r"\bnan\b|\bNone\b|Undefined|\binf\b", re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)
    )


def written():
    return {path: path.read_bytes() for folder in (FOLDER, SUMMARY) for path in folder.rglob("*") if path.is_file()}


def test_the_files_of_a_report_and_that_they_have_the_same_bytes_again():
    study = synthetic_study.write(synthetic_study.document(), searched=("lenet5",))
    report.run(study)
    once = written()
    report.run(study)
    assert written() == once
    assert {path.name for path in FOLDER.iterdir()} == {
        *("report.html", "report.md", "figure.png", "metrics.json", "results.csv", "verification.json", "plots")
    }
    assert {path.relative_to(SUMMARY).parts[:3] for path in once if SUMMARY in path.parents} == set(
        itertools.product(("mlp", "lenet5"), ("identity", "pixels"), ("mean", "low", "high"))
    )


def test_the_page_runs_its_own_script_and_no_other():
    html = make(synthetic_study.document(models=("mlp",)))
    digest = base64.b64encode(hashlib.sha256(Outline(html).script.encode()).digest()).decode()
    policy = next(attributes["content"] for tag, attributes in Outline(html).tags if "http-equiv" in attributes)
    assert policy == (f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'")


def test_what_is_being_done_is_told(capsys):
    make(synthetic_study.document(models=("mlp",)))
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["report: reading 1 models under 2 permutations", "report: computing intervals and tests"]
    assert told[-1].startswith("reports/synthetic/report.html: ")


# --- studies of every kind ------------------------------------------------------------------------------------


def test_the_structure_study_with_everything_in_it():
    html = make(synthetic_study.document(permutations=STRUCTURE), num_test=200, searched=("lenet5",))
    check_page(html)
    assert len(html) < 2_500_000
    first_picture = re.search(r'<svg [^>]*aria-label="([^"]*)', html)[1]
    assert first_picture.startswith("Test error by strength of scrambling. mlp, fine structure destroyed: natural")
    assert [name for name in page.TITLES if f'<section id="{name}">' not in html] == []
    prices = Outline(html).tables["the price of scrambling"]
    assert len(prices) == 2 * 8
    text, value = prices[0]["difference"]
    assert float(text.split("±")[0].strip().replace("−", "-")) == pytest.approx(100 * float(value), abs=0.005)
    areas = Outline(html).tables["areas under the structure curves"]
    assert [(row["model"][0], row["family"][0]) for row in areas] == [
        *(("mlp", "within_tiles"), ("mlp", "tiles"), ("lenet5", "within_tiles"), ("lenet5", "tiles"))
    ]


def test_one_mlp_with_one_replicate_on_colour_images():
    description = synthetic_study.document(models=("mlp",), replicates=1)
    html = make(description, image_shape=(32, 32, 3), class_names=("cat <b>", "$dog", "frog"))
    check_page(html)
    assert "One replicate cannot say it for mlp" in html
    assert "cat &lt;b&gt;" in html
    assert 'id="inside"' not in html, "an MLP has no filters to show"
    assert {row["verdict"] for row in rows(html, "the price of scrambling")} == {"undecided: one replicate"}
    assert {row["between replicates"] for row in rows(html, "where the uncertainty comes from")} == {"–"}


@pytest.mark.parametrize(
    ("permutations", "said", "absent"),
    [
        (PIXELS | {"rows": {"family": "rows"}}, "it has no natural images", ()),
        (IDENTITY, "it has natural images only", ("structure", "transfer")),
        (PIXELS, "it has no natural images", ("transfer",)),
    ],
)
def test_a_study_that_cannot_answer_says_so(permutations, said, absent):
    html = make(synthetic_study.document(models=("lenet5",), permutations=permutations))
    check_page(html)
    assert said in html
    assert "permuted error" not in html
    assert not [name for name in absent if f'id="{name}"' in html or f'href="#{name}"' in html]


def test_a_class_without_test_images_and_one_never_predicted():
    labels = np.repeat(np.arange(9), 30).astype(np.int32)  # no 9
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)), labels=labels)
    logits = {name: np.load(f"predictions/synthetic/mlp/{name}.npy") for name in study.grid.permutations}
    for of_runs in logits.values():
        of_runs[:, :, 4] = -99  # never predicted
    synthetic_study.predict(study, "mlp", logits)
    report.run(study)
    html = (FOLDER / "report.html").read_text(encoding="utf-8")
    check_page(html)
    of_classes = rows(html, "error of every class")
    assert {(row["4"], row["9"]) for row in of_classes} == {("100.00", "–")}


def test_what_was_searched_is_shown_and_what_was_not_is_not():
    html = make(synthetic_study.document(), searched=("lenet5",))
    check_page(html)
    searches = rows(html, "searches")
    assert [(row["model"], row["permutation"], row["order"]) for row in searches] == [
        *(("lenet5", "identity", "serial"), ("lenet5", "pixels", "serial"))
    ]
    assert searches[0]["selection optimism"].startswith("+2.00")
    best = Outline(html).tables["best trials of lenet5"]
    assert len(best) == 2 * 5
    assert best[0]["learning_rate"] == ("0.008", "0.008")
    make(synthetic_study.document(study="plain", models=("mlp",)))
    assert 'id="search"' not in Path("reports/plain/report.html").read_text(encoding="utf-8")


def test_what_the_grid_does_not_name_is_not_looked_at():
    synthetic_study.write(synthetic_study.document())
    description = synthetic_study.document()
    description["grid"]["models"] = ["lenet5"]
    (FOLDER / "old").touch()
    report.run(params.Study.model_validate(description))
    html = re.sub(
        r"<pre.*?</pre>|base64,[^\"]*", "", (FOLDER / "report.html").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert "lenet5" in html
    assert "mlp" not in html
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
    (FOLDER / "verification.json").unlink()
    with pytest.raises(UserError, match=r"reports/synthetic/verification.json is missing"):
        report.run(study)


def test_a_report_that_fails_leaves_the_old_one_and_nothing_half_written(monkeypatch):
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    report.run(study)
    before = written()
    monkeypatch.setattr(page, "render", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.run(study)
    assert written() == before
    assert list(Path().rglob("*.partial*")) == []


def test_a_changed_figure_recomputes_no_prediction():
    stages = yaml.safe_load(DVC_YAML.read_text(encoding="utf-8"))["stages"]
    sheets = {f"src/scramble/figures/{name}.py" for name in ("__init__", "sheets", "style")}
    of_figures = {
        name: {dep for dep in stage["deps"] if dep.startswith("src/scramble/figures")} for name, stage in stages.items()
    }
    assert of_figures.pop("report") == {"src/scramble/figures"}
    assert of_figures.pop("fetch") == of_figures.pop("permute") == sheets
    assert set().union(*of_figures.values()) == set()
    assert [name for name, stage in stages.items() if "src/scramble/report" in stage["deps"]] == ["report"]


# --- how it was made ------------------------------------------------------------------------------------------


def test_every_stage_and_file_stands_under_how_it_was_made():
    html = make(synthetic_study.document(models=("mlp",)))
    stages = yaml.safe_load(DVC_YAML.read_text(encoding="utf-8"))["stages"]
    shown = {row["stage"]: row for row in rows(html, "the stages")}
    assert list(shown) == list(stages)
    command = "python src/scramble train --params params.yaml --model <model> --permutation <permutation>"
    assert " ".join(shown["train"]["command"].split()).startswith(command)
    assert "params: study, seed, replicates, compute" in shown["train"]["depends on"]
    digests = {row["file"]: row["SHA-256"] for row in rows(html, "the files")}
    path = Path("predictions/synthetic/mlp/pixels.npy")
    assert digests[path.as_posix()] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {path.parts[0] for path in map(Path, digests)} == {"data", "models", "predictions", "reports"}
    assert "equivalence_margin: 0.01" in html


def test_code_that_runs_from_no_repository_says_so(monkeypatch):
    monkeypatch.setattr(report.provenance, "records", lambda study: [])
    html = make(synthetic_study.document(models=("mlp",)))
    check_page(html)
    assert "The code ran from no repository" in html


# --- recipes, ledgers -----------------------------------------------------------------------------------------


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
    assert rows(html, "the recipes") == [
        {
            "model": "mlp",
            "permutations": "all",
            "optimizer": "adam",
            "learning rate": "0.002",
            "schedule": "cosine",
            "batch size": "32",
            "epochs": "6",
            "precision": "float32",
            "weight decay": "0",
            "label smoothing": "0",
            "augmentation": "none",
            "weights kept": "last epoch",
            "model options": "units [512, 512], dropout 0",
        }
    ]


def test_the_ledger_stands_in_the_report():
    html = make(synthetic_study.document())
    assert rows(html, "the ledger")[1] == {
        "model": "lenet5",
        "architecture": "lenet5",
        "trainable parameters": "61,706",
        "in convolutions (%)": "4.2",
        "in dense layers (%)": "95.8",
        "in normalisations (%)": "0.1",
        "multiply-accumulates": "416,520",
        "activations (MB)": "0.04",
    }
    assert rows(html, "the structure that the models presuppose")[0] == {
        "model": "mlp",
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


# --- verification ---------------------------------------------------------------------------------------------


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
    files = verdicts.digests(verdicts.control_files(study))
    document = verdicts.Document(
        study="synthetic", stages=stages, controls=verdicts.Controls(results=controls, files=files)
    )
    verdicts.save(study, document)
    report.run(study)
    html = (FOLDER / "report.html").read_text(encoding="utf-8")
    check_page(html)
    assert "Nothing verified yet" not in html
    again = {row["stage"]: row for row in rows(html, "stages executed again")}
    differs, environment = "what differs", "what differs in the environment"
    assert again["train@mlp-identity"][differs] == "model.weights.h5: dense/vars/0 differs by 0.25, relative 0.5"
    assert again["train@mlp-identity"][environment] == "python: 3.11.7 → 3.12.1; flags.XLA_FLAGS: – → <fast>"
    assert again["train@mlp-pixels"][differs] == "event files have other bytes"
    assert [row["outcome"] for row in rows(html, "the built-in controls")] == ["does not apply", "passed", "failed"]
    assert verdicts.read(FOLDER / "verification.json") == document


def test_a_damaged_verification_is_refused():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    (FOLDER / "verification.json").write_text('{"study": "synthetic", "stages": {"fetch": {}}}')
    with pytest.raises(UserError, match=r"verification.json is damaged \(at stages.fetch.verdict\): delete it"):
        report.run(study)
