"""The chief of a search: trials, scores, and what is left to do after anything was ended."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scramble.errors import UserError
from scramble.search import results
from scramble.search.job import Job
from search_study import metrics, new_chief, study

# Keras Tuner calls what Python's threading has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")

MORE: dict[str, dict[str, Any]] = {
    "random": {"trials": 6, "replicates": 2},
    "grid": {
        "trials": 9,
        "space": {"mlp": {"learning_rate": {"choice": [0.001, 0.01, 0.06]}, "batch_size": {"int": [8, 24], "step": 8}}},
    },
    "bayesian": {"trials": 5, "space": {"mlp": {"learning_rate": {"float": [0.0001, 0.1], "scale": "log"}}}},
    "hyperband": {"trials": 30, "epochs": 9},
}
"""By algorithm, what its search is given."""


@pytest.fixture(scope="module")
def chief(tf: object) -> Any:
    from scramble.search import chief

    return chief


@pytest.fixture
def new(chief: Any, tmp_path: Path) -> Callable[..., Any]:
    """Makes a chief for a study, with what earlier ones have left in the journal, and a new oracle."""
    return partial(new_chief, folder=tmp_path)


def name_of(chief: Any, trial: Any) -> str:
    return str(chief.message(trial).trial_id)


def train(chief: Any, trial: Any, at_most: int = 1000) -> int:
    """Reports what is missing of a trial. Returns how many trainings that were."""
    missing = [replicate for replicate in trial.replicates if replicate not in trial.trainings][:at_most]
    for replicate in missing:
        recipe = trial.setting.recipe
        chief.record(name_of(chief, trial), replicate, metrics(recipe.learning_rate, replicate, recipe.epochs))
    return len(missing)


def search(chief: Any, at_most: int = 1000, workers: int = 1) -> int:
    """Trains until the search, or the number of trainings, is over. Returns how many were done."""
    done, busy = 0, {f"worker{number}": None for number in range(workers)}
    while not chief.finished and done < at_most:
        for worker in busy:
            status, trial = chief.next_for(worker)
            assert status in {"RUNNING", "IDLE", "STOPPED"}
            busy[worker] = trial
        for trial in reversed([trial for trial in busy.values() if trial]):
            done += train(chief, trial, at_most - done)
    return done


def written(chief: Any, folder: Path) -> dict[str, bytes]:
    results.write(chief.job, chief.result(), folder)
    results.write_events(chief.job, chief.result(), folder / "events")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("algorithm", MORE)
def test_ended_after_any_training_it_ends_as_one_that_was_not(
    new: Callable[..., Any], algorithm: str, tmp_path: Path
) -> None:
    searched = study(algorithm=algorithm, **MORE[algorithm])
    undisturbed = new(searched, journal="undisturbed")
    count = search(undisturbed)
    expected = written(undisturbed, tmp_path / "expected")
    assert count == sum(path.suffix == ".json" for path in (tmp_path / "undisturbed").iterdir())
    assert count > 5
    done = 0
    while not (ended := new(searched)).finished:
        assert search(ended, at_most=1) == 1
        done += 1
    assert done == count
    assert written(ended, tmp_path / "ended") == expected


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_side_by_side_where_the_order_does_not_matter(new: Callable[..., Any], algorithm: str, tmp_path: Path) -> None:
    searched = study(algorithm=algorithm, **MORE[algorithm])
    serial, parallel = new(searched, journal="serial"), new(searched, journal="parallel")
    search(serial)
    search(parallel, workers=3)
    assert parallel.parallel
    assert not serial.parallel
    assert written(parallel, tmp_path / "parallel files") == written(serial, tmp_path / "serial files")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_order_is_told_where_it_matters(new: Callable[..., Any], workers: int) -> None:
    chief = new(study(algorithm="bayesian", **MORE["bayesian"]))
    search(chief, workers=workers)
    document = results.document(chief.job, chief.result())
    assert (document["order"], document["order_matters"]) == ({1: "serial", 2: "parallel"}[workers], True)


def test_more_trials_repeat_nothing(new: Callable[..., Any]) -> None:
    few = new(study(trials=4, fresh=1))
    assert search(few) == 5
    more = new(study(trials=7, fresh=1))
    assert more.num_finished == 4
    same_winner = more.best.number == (search(more), more.best)[1].number
    first, second = results.table(few.job, few.result()), results.table(more.job, more.result())
    assert second[:4] == first
    assert len(second) == 7
    trainings = len(list((more._journal._folder).iterdir()))
    assert trainings == 8 if same_winner else 9


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00" * 40, b"{}\n"])
def test_a_damaged_file_is_trained_again(new: Callable[..., Any], tmp_path: Path, damage: bytes) -> None:
    searched = study()
    expected = new(searched)
    search(expected)
    files = sorted((tmp_path / "journal").iterdir())
    kept = files[2].read_bytes()
    files[2].write_bytes(damage if damage != b"{" else kept[: len(kept) // 2])
    again = new(searched)
    assert [note.endswith("is damaged, its training is done again") for note in again.notes] == [True]
    assert search(again) == 1
    assert files[2].read_bytes() == kept
    assert results.document(again.job, again.result()) == results.document(expected.job, expected.result())


def test_the_best_is_the_earlier_of_equals(new: Callable[..., Any]) -> None:
    space = {"mlp": {"learning_rate": {"choice": [0.06, 0.003, 0.001]}, "momentum": {"choice": [0.5, 0.9]}}}
    chief = new(study(algorithm="grid", trials=6, space=space))
    search(chief)
    rows = results.table(chief.job, chief.result())
    assert [row["status"] for row in rows] == ["diverged"] * 2 + ["completed"] * 4
    assert [row["score"] for row in rows[:2]] == [1, 1]
    assert str(rows[1]["best_so_far"]) == "nan"
    assert rows[2]["score"] == rows[3]["score"] == rows[5]["best_so_far"]
    assert results.document(chief.job, chief.result())["best"] == {
        "trial": 2,
        "score": rows[2]["score"],
        "values": {"learning_rate": 0.003, "momentum": 0.5},
    }


def test_that_every_trial_diverges_is_told(new: Callable[..., Any]) -> None:
    chief = new(study(space={"mlp": {"learning_rate": {"float": [0.06, 0.1]}}}))
    with pytest.raises(UserError, match="all 5 trials of mlp pixels diverged"):
        search(chief)


def test_hyperband_compares_full_trials_alone(new: Callable[..., Any]) -> None:
    chief = new(study(algorithm="hyperband", **MORE["hyperband"]))
    search(chief)
    rows = results.table(chief.job, chief.result())
    assert len(rows) == 30
    assert {row["epochs"] for row in rows} == {1, 3, 9}
    assert chief.best.setting.recipe.epochs == 9
    assert next(row["epochs"] for row in rows if str(row["best_so_far"]) != "nan") == 9


def test_one_hyperband_iteration_is_as_large_as_params_says(chief: Any) -> None:
    import keras_tuner

    from scramble.params.tune import iteration_size

    for epochs in (1, 2, 3, 8, 9, 20, 81):
        oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, factor=3)
        brackets = range(oracle._get_num_brackets())
        sizes = [oracle._get_size(bracket, rung) for bracket in brackets for rung in range(bracket + 1)]
        assert iteration_size(epochs) == sum(sizes)


# --- workers --------------------------------------------------------------------------------------------------


def test_a_lost_trial_is_given_to_another_worker(
    chief: Any, new: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = new(study())
    _, trial = here.next_for("first")
    here.release_lost()
    assert here.next_for("second")[1] is not trial
    monkeypatch.setattr(chief, "LOST_SECONDS", -1)
    here.release_lost()
    assert any("first has not been heard from" in note for note in here.notes)
    assert here.next_for("third")[1] is trial


def test_a_worker_that_comes_back_gets_its_trial_and_what_is_known_of_it(new: Callable[..., Any]) -> None:
    here = new(study(replicates=3))
    _, trial = here.next_for("worker")
    train(here, trial, at_most=2)
    assert here.next_for("worker")[1] is trial
    (known,) = here.message(trial).metrics.metrics.values()
    assert [observation.step for observation in known.observations] == list(trial.replicates[:2])


def test_an_answer_that_comes_twice_counts_once(new: Callable[..., Any]) -> None:
    here = new(study())
    _, trial = here.next_for("worker")
    name, (replicate,) = name_of(here, trial), trial.replicates
    here.record(name, replicate, metrics(0.003, replicate))
    here.record(name, replicate, metrics(0.05, replicate))
    assert trial.score == metrics(0.003, replicate)["validation error"]


def test_an_answer_of_another_search_is_refused(new: Callable[..., Any]) -> None:
    here, other = new(study()), new(study(trials=6, epochs=1), journal="other")
    _, trial = other.next_for("worker")
    name = name_of(other, trial)
    here.next_for("worker")
    with pytest.raises(UserError, match="is of another search"):
        here.record(name, trial.replicates[0], metrics(0.003, 0, 1))


def test_seeds_and_draws_of_trials_of_the_winner_and_of_training_are_others() -> None:
    searched = study(replicates=1000, fresh=1000).search("mlp", "pixels")
    assert searched is not None
    job = Job(study(), "mlp", "pixels", searched)
    names = ["0", *(f"fresh{number}" for number in range(1000))]
    used = [replicate for name in names for replicate in job.replicates_of(name)]
    assert len(used) == len(set(used)) == 2000
    assert min(used) > 100_000


def test_a_block_that_was_chosen_is_written(new: Callable[..., Any]) -> None:
    shifts = [{"max_shift": 1}, {"max_shift": 2}]
    space = {"learning_rate": {"choice": [0.001, 0.003]}, "augmentation": {"choice": shifts}}
    here = new(study(space={"mlp": space}, trials=4))
    search(here)
    found = json.loads(json.dumps(results.document(here.job, here.result())))
    assert found["best"]["values"]["augmentation"]["max_shift"] in (1, 2)
    assert {row["augmentation"] for row in results.table(here.job, here.result())} == {
        '{"max_shift":1}',
        '{"max_shift":2}',
    }


def test_a_chief_that_comes_back_takes_what_a_worker_ahead_of_it_reports(new: Callable[..., Any]) -> None:
    before = new(study())
    before.next_for("slow")
    _, ahead = before.next_for("quick")
    back = new(study())
    back.record(name_of(before, ahead), ahead.replicates[0], metrics(0.003, 0))
    assert [trial.finished for trial in back.trials.values()] == [False, True]
    assert [trial.name for trial in back.trials.values()] == ["0", ahead.name]


def test_where_the_order_matters_no_trial_is_asked_for_before_its_turn(chief: Any, new: Callable[..., Any]) -> None:
    before = new(study(**MORE["bayesian"], algorithm="bayesian"))
    before.next_for("slow")
    _, ahead = before.next_for("quick")
    back = new(study(**MORE["bayesian"], algorithm="bayesian"))
    with pytest.raises(chief.UnknownTrialError):
        back.record(name_of(before, ahead), ahead.replicates[0], metrics(0.003, 0))
    assert list(back.trials) == ["0"]
