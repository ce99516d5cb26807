"""The benchmark suite at toy size: that it measures what it says, not what it measures."""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from benchmarks import growth, kernels, loops, machine, memory, pipeline, results, resume, scrambling, speed, tables
from benchmarks.loops import NETWORKS
from benchmarks.results import Result
from benchmarks.scratch import ScratchStudy
from benchmarks.turns import Contestant, Wait, in_process, median_seconds, race
from scramble import params
from scramble.datasets.idx import read_idx
from scramble.progress import Report, TrainingProgress

# --- turns ----------------------------------------------------------------------------------------------------


def note_epochs(wait: Wait, path: Path, name: str) -> None:
    while True:
        with path.open("a", encoding="utf-8") as file:
            file.write(name)
        wait()


def test_contestants_take_turns_after_a_warm_up(tmp_path: Path) -> None:
    path = tmp_path / "epochs"
    trains = {name: (partial(note_epochs, path=path, name=name), count) for name, count in (("a", 1), ("b", 2))}
    assert set(race(trains, rounds=3)) == {"a", "b"}
    epochs = path.read_text(encoding="utf-8")
    assert sorted(epochs[:3]) == ["a", "b", "b"]
    assert epochs[3:] == "abb" * 3


def test_a_turn_may_be_taken_once() -> None:
    taken: list[str] = []
    median_seconds({name: partial(taken.append, name) for name in "ab"}, rounds=3, once="b")
    assert "".join(taken) == "abaa"


def fail(wait: Wait) -> None:
    raise SystemExit(1)


def test_a_contestant_that_fails_is_no_result() -> None:
    with Contestant(fail) as contestant, pytest.raises(EOFError):
        contestant.ready()


def test_a_function_runs_in_a_process_of_its_own() -> None:
    assert in_process(divmod, 7, 2) == (3, 1)


# --- results --------------------------------------------------------------------------------------------------


def names(path: Path) -> list[str]:
    return [row["name"] for row in json.loads(path.read_text(encoding="utf-8"))["results"]]


def test_a_part_replaces_its_own_results(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    here: dict[str, Any] = {"processor": {"name": "this"}, "matmul_gflops": {"float32": 1.0}}
    results.record(path, here, "speed", [Result("speed: old", 2.0, 1.0, "images/s")])
    results.record(path, here, "memory", [Result("memory: mlp", 0.75, 1.5, "GiB", "<= 1")])
    results.record(path, here, "speed", [Result("speed: new", 3.0, 2.0, "images/s")])
    assert names(path) == ["memory: mlp", "speed: new"]
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["results"][0] == {"name": "memory: mlp", "ours": 0.75, "peer": 1.5, "ratio": 0.5, "unit": "GiB"}
    results.record(path, here | {"processor": {"name": "other"}}, "growth", [Result("growth: mlp", 1.0, 1.0, "s")])
    assert names(path) == ["growth: mlp"]


def test_the_peak_is_that_of_the_run_of_speed(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for part, peak, kept in (("memory", 1.0, 1.0), ("speed", 2.0, 2.0), ("growth", 3.0, 2.0), ("speed", 4.0, 4.0)):
        here: dict[str, Any] = {"processor": {"name": "this"}, "matmul_gflops": {"float32": peak}}
        results.record(path, here, part, [Result(f"{part}: mlp", 1.0, 1.0, "s")])
        assert json.loads(path.read_text(encoding="utf-8"))["matmul_gflops"] == {"float32": kept}


def test_tables_show_what_was_measured() -> None:
    measured = [
        Result("speed: mlp, 2 threads, loop / fit", 30_000, 20_000, "images/s"),
        Result("scrambling: mlp, with augmentation, pixels / natural", 9, 10, "images/s"),
        Result("scrambling: mlp, with augmentation, swaps / natural", 8, 10, "images/s"),
        Result("scrambling: mlp, with augmentation, per_image / natural", 7, 10, "images/s"),
    ]
    document = {"processor": {"name": "this"}, "matmul_gflops": {"float32": 99.6}}
    printed = tables.markdown(document | {"results": [result.row() for result in measured]})
    assert "| MLP, 2 threads | 30,000 | 20,000 | – | 1.50 | – |" in printed
    assert "| MLP, with augmentation | 0.80 (swaps) | 0.70 |" in printed
    assert "Processor: this; matmul peak of one core: 100 GFLOP/s in float32." in printed


# --- loops ----------------------------------------------------------------------------------------------------

TOY = {name: network._replace(num_images=2 * loops.BATCH_SIZE) for name, network in NETWORKS.items()}


@pytest.fixture
def configured(tf: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A strategy for a process in which TensorFlow has run already."""
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    monkeypatch.setattr(loops, "configure", lambda threads: strategy)
    monkeypatch.setattr(loops, "configure_plainly", lambda threads: None)
    return strategy


class EnoughError(Exception):
    pass


def after(epochs: int) -> Wait:
    """What ends a contestant after so many epochs."""
    counted = iter(range(epochs - 1))

    def wait() -> None:
        if next(counted, None) is None:
            raise EnoughError

    return wait


@pytest.mark.parametrize("loop", [loops.by_loop, loops.by_fit])
def test_a_loop_waits_after_every_epoch(loop: Callable[..., None], configured: Any) -> None:
    with pytest.raises(EnoughError):
        loop(after(2), TOY["mlp"], threads=1)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is an optional extra of the benchmarks")
@pytest.mark.parametrize("memory_format", ["contiguous_format", "channels_last"])
def test_pytorch_waits_after_every_epoch(memory_format: str) -> None:
    with pytest.raises(EnoughError):
        loops.by_pytorch(after(2), TOY["lenet5"], threads=1, memory_format=memory_format)


@pytest.mark.parametrize("name", NETWORKS)
def test_peers_train_the_same_network(name: str, tf: ModuleType) -> None:
    from scramble.layers import BatchNormalization

    ours, stock = loops.build(NETWORKS[name]), loops.plain_keras(NETWORKS[name], "float32")
    assert [weight.shape for weight in stock.trainable_weights] == [weight.shape for weight in ours.trainable_weights]
    assert not any(isinstance(layer, BatchNormalization) for layer in stock.layers)
    if find_spec("torch") is not None:
        from benchmarks import torch_networks

        theirs = torch_networks.NETWORKS[name]()
        expected = sum(weight.numpy().size for weight in ours.trainable_weights)
        assert sum(parameter.numel() for parameter in theirs.parameters()) == expected


def test_peers_see_the_images_as_the_loop_normalises_them(tf: ModuleType) -> None:
    from scramble.inputs import Normaliser

    split, info = loops.noise(TOY["resnet20"])
    images, labels = loops.normalised(TOY["resnet20"])
    assert abs(Normaliser(info.mean, info.std)(split.images[:-1]).numpy() - images).max() < 1e-5
    assert labels.shape == (TOY["resnet20"].num_images,)


# --- parts ----------------------------------------------------------------------------------------------------


def test_the_matmul_peak_is_of_every_type(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SIZE", 64)
    assert all(peak > 0 for peak in machine.matmul_peaks(["float32", "bfloat16"]).values())


def test_kernels_of_a_real_step_are_found(configured: Any) -> None:
    inside, epoch = kernels.seconds_inside(TOY["lenet5"])
    assert 0 < inside < epoch


def test_operations_of_training_leave_out_the_gradient_of_the_input(configured: Any) -> None:
    assert speed.training_flops({"mlp": NETWORKS["mlp"]}) == {"mlp": 2 * (3 * 266_200 - 235_200)}


def test_growth_counts_the_images_of_a_turn(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_seconds(turns: dict[int, Callable[[], list[object]]], rounds: int, once: list[int]) -> dict[int, float]:
        assert {size: len(turn()) for size, turn in turns.items()} == {256: 2, 1024: 1}
        assert once == [1024]
        return dict.fromkeys(turns, 2.0)

    monkeypatch.setattr(growth, "TURN", 512)
    monkeypatch.setattr(growth, "median_seconds", two_seconds)
    assert growth.speeds_by_size("mlp", (256, 1024), slow=True) == {256: 256.0, 1024: 512.0}


def test_a_kill_waits_for_the_first_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = ScratchStudy(tmp_path, **resume.BLOCKS)
    folder = tmp_path / study.paths.checkpoints(resume.MODEL, "identity") / "0"
    save = f"import pathlib, time; time.sleep(0.2); f = pathlib.Path({str(folder)!r}); f.mkdir(parents=True)"
    files = "; (f / 'state.partial.npz').touch(); (f / 'state.npz').touch(); time.sleep(60)"
    monkeypatch.setattr(resume, "command", lambda: [sys.executable, "-c", save + files])
    assert resume.kill(study, 0) == ["0/state.npz", "0/state.partial.npz"]


def test_only_convolutions_and_products_count(tf: ModuleType, tmp_path: Path) -> None:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    plane = space.planes.add()
    events = plane.lines.add().events
    for key, name in enumerate(
        ("a/MatMul:_MklMatMul", "b:_MklNativeConv2DBackpropFilter", "MatMul/BiasAdd:BiasAdd", "MatMul")
    ):
        plane.event_metadata[key].name = name
        events.add(metadata_id=key, duration_ps=int(10**key * kernels.PICOSECONDS))
    (tmp_path / "trace").write_bytes(space.SerializeToString())
    assert kernels.kernel_seconds(tmp_path / "trace") == 11


def families() -> Iterator[str]:
    """Every family that params.yaml may name."""
    for spec in get_args(get_args(params.AnyPermutation)[0]):
        yield from get_args(spec.model_fields["family"].annotation)


def test_every_family_is_compared_with_natural_images() -> None:
    assert scrambling.permutations((28, 28, 1)).keys() == set(families()) - {"identity"}


def test_every_family_takes_turns_with_natural_images(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = scrambling.permutations((28, 28, 1))
    monkeypatch.setattr(scrambling, "permutations", lambda _: {name: drawn[name] for name in ("pixels", "per_image")})
    turns = scrambling.turns(TOY["mlp"], configured)
    assert list(turns) == [
        (name, augmented) for name in ("natural", "pixels", "per_image") for augmented in (False, True)
    ]
    for turn in turns.values():
        turn()


def test_images_of_mnists_size_are_written_as_idx(tmp_path: Path) -> None:
    memory.write_idx(tmp_path, "train", count=20)
    assert read_idx(tmp_path / "train-images-idx3-ubyte").shape == (20, 28, 28)
    assert read_idx(tmp_path / "train-labels-idx1-ubyte").tolist() == 2 * list(range(10))


def test_the_time_inside_epochs_is_read_off_what_training_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for title, speeds in (("mlp identity", [500.0, 1_000.0]), ("lenet5 pixels", [2_000.0, 2_000.0])):
        with TrainingProgress(title, replicates=1, epochs=8) as progress:
            for epoch, speed in zip((4, 8), speeds, strict=True):
                progress.update(
                    Report(replicate=0, epoch=epoch, loss=1, validation_accuracy=0, images_per_second=speed)
                )
    # 1,000 images: 8 epochs of 2 s and 1 s on average, 8 of half a second.
    assert pipeline.epoch_seconds(capsys.readouterr().out, num_images=1_000) == pytest.approx(8 * 1.5 + 8 * 0.5)
