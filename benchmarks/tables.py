"""The tables of README.md, from results.json: `python -m benchmarks.run --tables`."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

NETWORKS = {"mlp": "MLP", "lenet5": "LeNet-5", "resnet20": "ResNet-20"}
MISSING = "–"
Row = dict[str, Any]


def markdown(document: dict[str, Any]) -> str:
    """Every table, with a dash where a part has not been run.

    Args:
        document: of results.json.
    """
    rows = document["results"]
    peaks = ", ".join(f"{value:,.0f} GFLOP/s in {name}" for name, value in document["matmul_gflops"].items())
    heading = f"Processor: {document['processor']['name']}; matmul peak of one core: {peaks}."
    parts = [speed(rows), machine(rows), shares(rows), scrambling(rows), "\n".join(short(rows)), precision(rows)]
    return "\n\n".join([heading, *parts])


def cell(rows: list[Row], pattern: str, key: str = "ratio", form: str = ".2f") -> str:
    """A number of the first row whose name matches, formatted."""
    values = (row[key] for row in rows if fnmatchcase(row["name"], pattern))
    value = next(values, None)
    return MISSING if value is None else format(value, form)


def table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table whose first column alone is text."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))


def speed(rows: list[Row]) -> str:
    lines = []
    for name, title in NETWORKS.items():
        for threads in ("1 thread", "2 threads"):
            fit, pytorch = f"speed: {name}, {threads}, loop / fit", f"speed: {name}, {threads}, loop / PyTorch*"
            numbers = [cell(rows, *each, ",.0f") for each in ((fit, "ours"), (fit, "peer"), (pytorch, "peer"))]
            lines.append([f"{title}, {threads}", *numbers, cell(rows, fit), cell(rows, pytorch)])
    return table(["images/s", "loop", "fit", "PyTorch", "loop / fit", "loop / PyTorch"], lines)


def machine(rows: list[Row]) -> str:
    lines = []
    for name, title in NETWORKS.items():
        prefix = f"speed: {name}, * cores, * loops"
        float32, bfloat16 = f"{prefix} in float32 / *", f"{prefix} in mixed_bfloat16 / *"
        speeds = [cell(rows, float32, key, ",.0f") for key in ("ours", "peer")]
        ours = cell(rows, bfloat16, "ours", ",.0f")
        both = cell(rows, f"{prefix} / fit, both in mixed_bfloat16")
        lines.append([title, *speeds, cell(rows, float32), ours, cell(rows, bfloat16), both])
    header = ["whole machine, images/s", "loops, float32", "fit, float32", "ratio", "loops, bfloat16"]
    return table([*header, "ratio to fit, float32", "ratio to fit, bfloat16"], lines)


def shares(rows: list[Row]) -> str:
    patterns = "speed: {}, 1 thread, loop's FLOP/s / *", "kernels: {}, *"
    lines = [
        [title, *(cell(rows, pattern.format(name), form=".0%") for pattern in patterns)]
        for name, title in NETWORKS.items()
    ]
    return table(["one thread", "share of the matmul peak", "of an epoch inside convolutions and products"], lines)


def scrambling(rows: list[Row]) -> str:
    lines = []
    for name, title in NETWORKS.items():
        for condition in ("without augmentation", "with augmentation"):
            prefix = f"scrambling: {name}, {condition}, "
            lines.append([f"{title}, {condition}", slowest(rows, prefix), cell(rows, f"{prefix}per_image / natural")])
    prepared = "scrambling: prepare of * images*, "
    once = slowest(rows, prepared, "ours", max), cell(rows, f"{prepared}per_image / *", "ours")
    lines.append(["`prepare`, once, in seconds", *once])
    lines.append(["`prepare` of natural images", *[cell(rows, f"{prepared}*", "peer")] * 2])
    return table(["permuted / natural", "slowest family with one draw for all", "per_image"], lines)


def slowest(rows: list[Row], prefix: str, key: str = "ratio", choose: Any = min) -> str:
    """The number and the family that is worst of those with one draw for all images."""
    fixed = [row for row in rows if fnmatchcase(row["name"], f"{prefix}* / natural") and "per_image" not in row["name"]]
    if not fixed:
        return MISSING
    worst = choose(fixed, key=lambda row: row[key])
    family = worst["name"].removesuffix(" / natural").rpartition(", ")[2]
    return f"{worst[key]:.2f} ({family})"


def short(rows: list[Row]) -> Iterator[str]:
    memory = [f"{title} {cell(rows, f'memory: {name}, *', 'ours')} GiB" for name, title in list(NETWORKS.items())[:2]]
    yield f"**Memory**: {', '.join(memory)}."
    growth = []
    for name in ("mlp", "lenet5"):
        sizes = [cell(rows, f"growth: {name}, *, {size} / *") for size in ("6,000", "600,000")]
        growth.append(f"{NETWORKS[name]} {' and '.join(sizes)}")
    yield f"**Growth**, 6,000 and 600,000 images over 60,000: {', '.join(growth)}."
    wall, inside, ratio = (cell(rows, "pipeline: *", key, form) for key, form in PIPELINE)
    yield f"**Pipeline**: {wall} s over {inside} s = {ratio}."
    identical, kills = (cell(rows, "resume: identical *", key, ".0f") for key in ("ours", "peer"))
    state, partial = (cell(rows, f"resume: kills that left a {what} / *", "ours", ".0f") for what in LEFT)
    yield f"**Resume**: {identical} of {kills} identical; {state} kills left a state, {partial} a file half-written."


PIPELINE = (("ours", ".0f"), ("peer", ".0f"), ("ratio", ".2f"))
LEFT = ("state", "file half-written")


def precision(rows: list[Row]) -> str:
    """Test error in percent, mean ± 95 % interval."""
    lines = []
    for name in ("lenet5", "resnet20"):
        prefix = f"precision: {name} on Fashion-MNIST, "
        error, width = f"{prefix}*, test error", f"{prefix}* / float32, half-width *"
        errors = [f"{cell(rows, error, key)} ± {cell(rows, width, key)}" for key in ("peer", "ours")]
        paired = f"{prefix}paired difference / *"
        difference = f"{cell(rows, paired, 'ours')} ± {cell(rows, paired, 'peer')}"
        seconds = [f"{cell(rows, f'{prefix}*, stage train', key, '.0f')} s" for key in ("peer", "ours")]
        lines.append([NETWORKS[name], *errors, difference, *seconds])
    header = ["test error, %", "float32", "mixed bfloat16", "difference, paired"]
    return table([*header, "training, float32", "training, bfloat16"], lines)
