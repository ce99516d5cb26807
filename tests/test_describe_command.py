"""describe: the stage that writes a model's architecture and ledger, and the command that prints any ledger."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scramble import artifacts, params
from scramble.__main__ import main
from scramble.errors import UserError
from scramble.stages import describe

ROOT = Path(__file__).parent.parent

# --- the stage -------------------------------------------------------------------------------------------------


def study(**models: dict[str, Any]) -> params.Study:
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 2, "epochs": 1}
    return params.Study.model_validate(
        {
            "study": "tiny",
            "root": ".",
            "params": "params.yaml",
            "seed": 0,
            "replicates": 1,
            "dataset": {"name": "idx", "folder": "x"},
            "permutations": {"identity": {"family": "identity"}},
            "models": {name: {"recipe": recipe, **model} for name, model in models.items()},
            "grid": {"models": tuple(models), "permutations": ("identity",)},
            "tune": {"trials": 0},
            "compute": {},
            "report": {"equivalence_margin": 0.01},
        }
    )


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the dataset.json of 28x28 images in 3 classes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/tiny").mkdir(parents=True)
    split = artifacts.SplitInfo(count=3, per_class=(1, 1, 1))
    info = artifacts.DatasetInfo(
        name="idx",
        image_shape=(28, 28, 1),
        class_names=("a", "b", "c"),
        splits=dict.fromkeys(("train", "validation", "test"), split),
        mean=(0.5,),
        std=(0.2,),
        digest="0" * 64,
        duplicates=0,
        source="here",
        licence="none",
    )
    artifacts.write_json(tmp_path / "data/tiny/dataset.json", info)
    return tmp_path


def test_describe_writes_the_same_bytes_twice(workplace: Path, tf: ModuleType) -> None:
    import keras

    here = study(narrow={"architecture": "mlp", "options": {"units": [5]}}, deep={"architecture": "resnet20"})
    runs = []
    for _ in range(2):
        for model in ("narrow", "deep"):
            describe.run(here, model)
        runs.append({path: path.read_bytes() for path in sorted(workplace.glob("models/**/*")) if path.is_file()})
    assert runs[0] == runs[1]
    assert sorted(str(path.relative_to(workplace)) for path in runs[0]) == [
        "models/tiny/deep/architecture.json",
        "models/tiny/deep/ledger.json",
        "models/tiny/narrow/architecture.json",
        "models/tiny/narrow/ledger.json",
    ]
    text = (workplace / "models/tiny/narrow/architecture.json").read_text()
    assert text.endswith("}\n")
    assert keras.models.model_from_json(text).count_params() == (784 + 1) * 5 + (5 + 1) * 3
    assert artifacts.read_json(workplace / "models/tiny/narrow/ledger.json")["trainable_parameters"] == 3943


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "wide",
            "models.wide: alexnet needs images of at least 67x67, these are 28x28; its small form is alexnet_small",
        ),
        ("wid", "unknown model 'wid': did you mean 'wide'? known: wide"),
    ],
)
def test_describe_refuses_and_writes_nothing(workplace: Path, model: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        describe.run(study(wide={"architecture": "alexnet"}), model)
    assert str(caught.value) == message
    assert not (workplace / "models").exists()


def test_describe_wants_the_dataset_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        describe.run(study(net={"architecture": "mlp"}), "net")


# --- any architecture, without a study -------------------------------------------------------------------------


def test_any_ledger_in_plain_text(
    tf: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody reads it at a terminal, no line is wrapped or cut."""
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["describe", "--model", "lenet5_1998", "--image", "28x28x1", "--classes", "10"]) == 0
    totals, layers = capsys.readouterr().out.split("\n\n")
    assert totals.startswith("lenet5_1998: images 28x28x1, 10 classes\n")
    said = [line.split() for line in totals.splitlines()]
    for line in (
        "trainable parameters  60,000",
        "  in dense layers     58,284 (97.1%)",
        "  elsewhere           44 (0.1%)",
        "multiply-accumulates  326,520 per image, from the image to the logits",
        "connections           340,908",
        "receptive field       16x16 pixels, at the last map",
        "  fully connected     3,692,640: 784 weights and a bias each",
    ):
        assert line.split() in said
    rows = {line.split()[0]: line.split()[1:] for line in layers.splitlines()}
    assert rows["field"] == ["ZeroPadding2D", "2+2,", "2+2", "32x32x1", "1x1", "0"]
    assert rows["c3"] == [
        "SparseConv2D",
        "5x5",
        "1x1",
        "valid",
        "10x10x16",
        "1,516",
        "151,600",
        "150,000",
        "14x14",
        "2",
    ]
    assert rows["logits"] == ["RadialBasis", "10", "840", "840", "image", "5"]


def test_options_are_those_of_params_yaml(tf: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--option", "units=[300, 100]", "--option", "dropout=0.5"]
    assert main(["describe", "--model", "mlp", "--image", "28x28x1", "--classes", "10", *options]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("mlp: images 28x28x1, 10 classes, units (300, 100), dropout 0.5\n")
    assert "266,610" in printed
    assert "28x28 pixels, the image" in printed


def test_weights_need_no_memory() -> None:
    """As many as no machine has."""
    command = ["describe", "--model", "mlp", "--image", "30000x20000x3", "--classes", "10"]
    done = subprocess.run([sys.executable, ROOT / "src/scramble", *command], capture_output=True, text=True, check=True)
    assert "1,800,000,000 weights and a bias each" in done.stdout
    assert done.stderr == ""


ALEXNET = ["--model", "alexnet", "--image", "227x227x3", "--classes", "10"]
REFUSALS = {
    "name": (
        ["--model", "resnet51", "--image", "32x32x3", "--classes", "10"],
        (1, "error: --model: unknown architecture 'resnet51': did you mean 'resnet"),
    ),
    "small": (
        ["--model", "alexnet", "--image", "64x80x3", "--classes", "10"],
        (1, "error: --image: alexnet needs images of at least 67x67, these are 64x80; its small form is alexnet_small"),
    ),
    "unknown option": (
        [*ALEXNET, "--option", "dropuot=0.5"],
        (1, "error: options: unknown parameter 'dropuot': did you mean 'dropout'? known: dropout"),
    ),
    "option out of range": ([*ALEXNET, "--option", "dropout=1"], (1, "error: options.dropout: input should be less")),
    "no option": ([*ALEXNET, "--option", "dropout"], (2, "'dropout' is not NAME=VALUE, as conv_bias=true")),
    "no value": ([*ALEXNET, "--option", "dropout=[1"], (2, "'dropout=[1' is not NAME=VALUE")),
    "two sizes": (
        ["--model", "mlp", "--image", "28x28", "--classes", "10"],
        (2, "'28x28' is not HEIGHTxWIDTHxCHANNELS"),
    ),
    "no pixels": (["--model", "mlp", "--image", "0x28x1", "--classes", "10"], (2, "'0x28x1' is not HEIGHTxWIDTH")),
    "no classes": (["--model", "mlp", "--image", "28x28x1"], (2, "--image needs the number of classes, too")),
    "zero classes": (
        ["--model", "mlp", "--image", "28x28x1", "--classes", "0"],
        (2, "not a whole number of at least 1"),
    ),
    "classes without image": (["--model", "mlp", "--classes", "10"], (2, "--classes and --option are for")),
    "option without image": (["--model", "mlp", "--option", "dropout=0"], (2, "they need --image")),
    "with a study": ([*ALEXNET, "--params", "params.yaml"], (2, "--params: not allowed with argument --image")),
}
"""By name, what is typed, the exit status and a part of the last line."""


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_one_line_and_do_not_wait_for_tensorflow(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_early() -> None:
        raise AssertionError("TensorFlow was about to be imported")

    monkeypatch.setattr("scramble.quiet.import_tensorflow", too_early)
    arguments, (status, said) = REFUSALS[name]
    try:
        found = main(["describe", *arguments])
    except SystemExit as stop:  # argparse prints how the command is used before the line
        found = stop.code
    printed = capsys.readouterr()
    assert (found, printed.out) == (status, "")
    lines = printed.err.splitlines()
    assert said in lines[-1]
    assert len(lines) == 1 if status == 1 else lines[0].startswith("usage:")


def test_a_refusal_imports_no_tensorflow() -> None:
    """In a process of its own, where nothing else has imported it."""
    program = (
        "import sys; from scramble.__main__ import main; "
        "main(['describe', '--model', 'resnet50', '--image', '32x32x3', '--classes', '10']); "
        "print(*{'tensorflow', 'keras', 'rich', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.startswith("error: --image: resnet50 needs images of at least 65x65, these are 32x32;")
    assert done.stdout.split() == []
