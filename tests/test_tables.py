"""The numbers of a study as files, and what dvc.yaml and the templates of `dvc plots` take from them."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import synthetic_study
from scramble.report import tables
from scramble.report.analysis import Analysis, analyse
from scramble.report.results import gather

ROOT = Path(__file__).parent.parent
PLOTS = {
    name: plot for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for name, plot in entry.items()
}
TILES = {
    "identity": {"family": "identity"},
    "within_4": {"family": "within_tiles", "size": 4},
    "pixels": {"family": "pixels"},
}
OUT = Path("report")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    OUT.mkdir()


def written(searched=(), **description) -> Analysis:
    study = synthetic_study.write(synthetic_study.document(**description), searched=searched)
    analysis = analyse(gather(study))
    tables.write(analysis, OUT)
    return analysis


def metrics() -> dict[str, Any]:
    return json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))


def read(name: str) -> list[dict[str, str]]:
    with (OUT / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- metrics.json ---------------------------------------------------------------------------------------------


def test_metrics_json_holds_the_means_of_the_predictions():
    analysis = written()
    labels = np.load("data/synthetic/test/labels.npy")
    errors = np.load("predictions/synthetic/lenet5/pixels.npy").argmax(axis=2) != labels
    found = metrics()["lenet5"]["pixels"]["top1_error"]
    estimate = analysis.cells["lenet5", "pixels"].top1
    assert found["mean"] == pytest.approx(errors.mean(), abs=1e-6)
    assert [found["low"], found["high"]] == pytest.approx([estimate.low, estimate.high], abs=1e-6)
    assert found["n"] == 3
    assert list(metrics()) == ["mlp", "lenet5"]
    assert list(metrics()["mlp"]["identity"]) == ["top1_error", "top5_error", "nll", "brier", "ece"]


def test_metrics_json_holds_prices_and_what_they_decide():
    analysis = written()
    entry, price = metrics()["lenet5"]["pixels"], analysis.prices["lenet5", "pixels"]
    natural = metrics()["lenet5"]["identity"]["top1_error"]["mean"]
    assert entry["price"]["mean"] == pytest.approx(entry["top1_error"]["mean"] - natural, abs=2e-6)
    assert entry["price"] == {
        "mean": round(price.difference.mean, 6),
        "low": round(price.difference.low, 6),
        "high": round(price.difference.high, 6),
        "n": 3,
        "p": round(price.p_value, 6),
        "p_holm": round(price.adjusted_p, 6),
        "p_equivalence": round(price.equivalence.p_value, 6),
    }
    assert entry["structure_reliance"]["mean"] == round(price.reliance.index.mean, 6)
    assert entry["verdict"] == price.verdict


def test_metrics_json_holds_areas_and_searches():
    analysis = written(permutations=TILES, searched=("mlp",))
    assert metrics()["mlp"]["area under within_tiles"]["mean"] == round(analysis.curves["mlp"][0].area.mean, 6)
    assert metrics()["mlp"]["pixels"]["search"] == {
        "trials": 6,
        "best": 0.1,
        "optimism": {"mean": 0.02, "low": -0.004841, "high": 0.044841, "n": 3},
    }
    assert "search" not in metrics()["lenet5"]["pixels"]


def test_what_is_not_finite_is_null():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    logits = np.load("predictions/synthetic/mlp/pixels.npy")
    logits[0] = np.nan
    synthetic_study.predict(study, "mlp", {"pixels": logits})
    tables.write(analyse(gather(study)), OUT)
    assert metrics()["mlp"]["pixels"]["nll"] == {"mean": None, "low": None, "high": None, "n": 3}
    assert "nan" not in "".join(path.read_text() for path in OUT.rglob("*.csv"))


def test_one_replicate_has_the_interval_of_its_images_and_no_other():
    written(replicates=1, models=("mlp",))
    entry = metrics()["mlp"]["pixels"]
    assert entry["top1_error"]["low"] < entry["top1_error"]["high"]
    assert (entry["ece"]["low"], entry["ece"]["n"]) == (None, 1)
    assert entry["verdict"] == "undecided"


# --- results.csv ----------------------------------------------------------------------------------------------


def test_results_csv_has_a_row_for_every_run_and_metric():
    analysis = written()
    rows = read("results.csv")
    assert list(rows[0]) == ["model", "permutation", "replicate", "metric", "value"]
    assert len(rows) == 2 * 2 * 3 * (5 + 10) + 2 * 3 * 2
    of_run = {
        row["metric"]: row["value"]
        for row in rows
        if (row["model"], row["permutation"], row["replicate"]) == ("lenet5", "pixels", "2")
    }
    price = analysis.prices["lenet5", "pixels"]
    assert float(of_run["price"]) == pytest.approx(price.runs[2], abs=1e-6)
    assert float(of_run["mcnemar_p"]) == pytest.approx(price.mcnemar[2].p_value, abs=1e-6)


# --- plots/ ---------------------------------------------------------------------------------------------------


def test_the_plots_have_their_columns_with_rows_and_without():
    written(permutations=TILES, searched=("mlp",))
    full = {path.name: list(read(f"plots/{path.name}")[0]) for path in (OUT / "plots").iterdir()}
    assert full == {f"{name}.csv": list(columns) for name, columns in tables.PLOTS.items()}


def test_a_plot_without_rows_has_its_header():
    written()
    assert (OUT / "plots/search.csv").read_text() == "model,permutation,trial,score,best_so_far\n"


def test_errors_and_structure_hold_the_numbers_of_metrics_json():
    written(permutations=TILES)
    for row in read("plots/errors.csv"):
        found = metrics()[row["model"]][row["permutation"]]["top1_error"]
        assert {key: str(found[key]) for key in ("mean", "low", "high", "n")} == {k: row[k] for k in found}
    rows = read("plots/structure.csv")
    assert {row["family"] for row in rows} == {"within_tiles", "neighbours"}
    for row in rows:
        assert float(row["mean"]) == metrics()[row["model"]][row["permutation"]]["top1_error"]["mean"]
    of_mlp = [row for row in rows if (row["model"], row["family"]) == ("mlp", "within_tiles")]
    assert [(row["permutation"], row["strength"]) for row in of_mlp] == [
        ("identity", "0.0"),
        ("within_4", "0.416029"),
        ("pixels", "1.0"),
    ]
    parted = {row["permutation"]: row["strength"] for row in rows if row["family"] == "neighbours"}
    assert parted == {"identity": "0.0", "within_4": "0.9975", "pixels": "0.9975"}


def test_confusion_counts_every_image():
    analysis = written()
    rows = [row for row in read("plots/confusion.csv") if (row["model"], row["permutation"]) == ("mlp", "pixels")]
    assert sum(int(row["count"]) for row in rows) == 3 * 300
    assert sum(float(row["share"]) for row in rows) == pytest.approx(10, abs=1e-3)
    wrong = sum(int(row["count"]) for row in rows if row["actual"] != row["predicted"])
    assert wrong / 900 == pytest.approx(analysis.cells["mlp", "pixels"].top1.mean)


def test_learning_curves_transfer_reliability_and_search():
    analysis = written(searched=("lenet5",))
    curves = read("plots/learning_curves.csv")
    assert len(curves) == 2 * 2 * 4 * 5
    first = analysis.learning_curves["mlp", "identity"]["loss"][0]
    assert [float(curves[0][key]) for key in ("mean", "low", "high")] == pytest.approx(
        [first.mean, first.low, first.high], abs=1e-6
    )
    transfer = [row for row in read("plots/transfer.csv") if row["model"] == "mlp"]
    assert [(row["trained_on"], row["tested_on"]) for row in transfer][1] == ("identity", "pixels")
    assert float(transfer[1]["mean"]) == pytest.approx(0.9)
    bins = [row for row in read("plots/reliability.csv") if (row["model"], row["permutation"]) == ("mlp", "pixels")]
    assert sum(int(row["count"]) for row in bins) == 900
    assert all(int(row["count"]) for row in bins)
    trials = read("plots/search.csv")[:6]
    assert [row["best_so_far"] for row in trials] == ["0.2", "0.14", "0.14", "0.1", "0.1", "0.1"]
    assert trials[4]["score"] == ""


@pytest.mark.parametrize("title", PLOTS)
def test_a_plot_of_dvc_yaml_takes_columns_that_are_there(title):
    plot = PLOTS[title]
    for axis in ("x", "y"):
        [(path, column)] = plot[axis].items()
        name = Path(path).stem
        assert path == f"${{root}}/reports/${{study}}/plots/{name}.csv"
        assert column in tables.PLOTS[name]
    template = (ROOT / ".dvc/plots" / f"{plot['template']}.json").read_text()
    fields = set(re.findall(r'"field": "([a-z]\w*)"', template)) | set(re.findall(r"datum\.([a-z]\w*)", template))
    own = (
        set(re.findall(r'"as": "(\w+)"', template))
        | {"label", "rev"}
        | ({"x", "y"} if title == "Reliability" else set())
    )
    assert fields - own <= set(tables.PLOTS[name])
    anchors = set(re.findall(r'"<DVC_METRIC_(\w+)>"', template))
    assert anchors == {"TITLE", "DATA", "X", "Y", "X_LABEL", "Y_LABEL"}
    assert json.loads(template)["data"] == {"values": "<DVC_METRIC_DATA>"}


def test_every_file_of_plots_is_drawn_by_a_template_and_no_template_is_left_over():
    drawn = {Path(path).stem for plot in PLOTS.values() for path in plot["x"]}
    assert drawn == set(tables.PLOTS)
    templates = {path.stem for path in (ROOT / ".dvc/plots").glob("*.json")}
    assert templates == {plot["template"] for plot in PLOTS.values()}
