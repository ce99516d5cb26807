"""Two executions of a stage side by side: byte by byte, and where bytes differ, number by number."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scramble.verdicts import Difference, Reexecution, Verdict, digests


def judge(outs: Iterable[str], tree: Path, tolerance: float) -> Reexecution:
    """Compares the outputs `outs` (files and folders) with those in `tree`.

    Whole numbers have to be equal. A floating-point number may differ by `tolerance` times the larger of the two, an
    element of an array by `tolerance` times the array's largest value. Event files may have other bytes only where
    numbers differ in other files, too. What environment.json says has no part in the verdict.
    """
    files = [file for out in outs for file in _files(out, tree)]
    first, second = digests(files), digests(files, tree)
    differing = [file for file in files if first.get(file) != second.get(file)]
    in_both = [file for file in differing if file in first and file in second]
    events = [file for file in in_both if "tfevents" in file]
    descriptions = [file for file in in_both if Path(file).name == "environment.json"]
    judged = [file for file in differing if file not in {*events, *descriptions}]
    differences = tuple(_difference(file, tree, tolerance) for file in judged)
    changes = [_environment_changes(Path(file), tree / file) for file in descriptions]
    return Reexecution(
        verdict=_verdict(differences, events),
        tolerance=tolerance,
        outputs=first,
        differences=differences,
        events=tuple(events),
        environment_changes={key: both for each in changes for key, both in each.items()},
    )


def _verdict(differences: Sequence[Difference], events: Sequence[str]) -> Verdict:
    if not differences and not events:
        return "identical"
    numbers_differ = any(difference.absolute is not None for difference in differences)
    explained = numbers_differ or not events
    within = all(difference.within_tolerance for difference in differences)
    return "equal within tolerance" if within and explained else "different"


def _files(out: str, tree: Path) -> list[str]:
    """The files of an output, those of either execution."""
    found = set()
    for folder in (Path(), tree):
        inside = (folder / out).rglob("*") if (folder / out).is_dir() else [folder / out]
        found |= {path.relative_to(folder).as_posix() for path in inside if path.is_file()}
    return sorted(found)


def _difference(file: str, tree: Path, tolerance: float) -> Difference:
    """What differs in a file whose bytes do."""
    before, after = Path(file), tree / file
    if not after.is_file():
        return _whole(file, "not written the second time")
    if not before.is_file():
        return _whole(file, "written the second time only")
    if before.suffix not in READERS:
        return _whole(file, "other bytes")
    first, second = READERS[before.suffix](before), READERS[before.suffix](after)
    for place in [*first, *second]:
        if place not in first or place not in second:
            return _whole(file, f"{place} is there in one of the two only")
    apart = {place: _apart(first[place], second[place]) for place in first}
    differing = {place: distance for place, distance in apart.items() if distance != (0, 0)}
    if not differing:
        return _whole(file, "the same values, written in another way", within_tolerance=True)
    where, (absolute, relative) = next(iter(differing.items()))
    largest = max(relative for _, relative in differing.values())
    if math.isinf(absolute):
        where = f"{where} {_incomparable(first[where], second[where])}"
    return Difference(
        file=file,
        where=where,
        absolute=_finite(absolute),
        relative=_finite(relative),
        largest_relative=_finite(largest),
        within_tolerance=largest <= tolerance,
    )


def _whole(file: str, what: str, within_tolerance: bool = False) -> Difference:
    return Difference(file=file, where=what, within_tolerance=within_tolerance)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _incomparable(first: Any, second: Any) -> str:
    """What differs where no tolerance applies."""
    if np.ndim(first) == np.ndim(second) == 0:
        return f"is {first!r}, then {second!r}"
    a, b = np.asarray(first), np.asarray(second)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"has shape {a.shape} and type {a.dtype}, then {b.shape} and {b.dtype}"
    both_nan = (a != a) & (b != b)
    return f"differs in {np.sum((a != b) & ~both_nan)} of {a.size} values"


def _apart(first: Any, second: Any) -> tuple[float, float]:
    """The largest difference, and the same over the largest value; infinite where the two cannot be told in numbers."""
    a, b = np.asarray(first), np.asarray(second)
    kinds = {a.dtype.kind, b.dtype.kind}
    alike = a.shape == b.shape and (a.ndim == 0 or a.dtype == b.dtype)
    if alike and np.array_equal(a, b, equal_nan=kinds == {"f"}):
        return 0.0, 0.0
    numeric = "f" in kinds and kinds <= {"f", "i", "u"}
    if not alike or not numeric or not np.isfinite(a).all() or not np.isfinite(b).all():
        return math.inf, math.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    absolute = float(np.abs(a - b).max())
    return absolute, absolute / float(max(np.abs(a).max(), np.abs(b).max()))


# --- files as values by place ----------------------------------------------------------------------------------


def _array(path: Path) -> dict[str, Any]:
    return {"the array": np.load(path, allow_pickle=False)}


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return {f"the array {name}": arrays[name] for name in arrays.files}


def _tensors(path: Path) -> dict[str, Any]:
    """Every tensor of an HDF5 file by the name of its layer, where Keras wrote one, and by its path there."""
    import h5py  # type: ignore[import-untyped]

    datasets: dict[str, Any] = {}

    def take(place: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            datasets[place] = item

    found = {}
    with h5py.File(path) as file:
        file.visititems(take)
        for place in sorted(datasets, key=_natural):
            layer = datasets[place].parent.attrs.get("name")
            found[f"{layer} ({place})" if layer else place] = datasets[place][()]
    return found


def _natural(place: str) -> list[str | int]:
    """Sorts numbers by their size: conv2d_2 before conv2d_10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", place)]


def _cells(path: Path) -> dict[str, Any]:
    """Every cell of a table by row and column; a row of a training's history is an epoch."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = "epoch" if path.name == "history.csv" else "row"
    cells = ((number, column, cell) for number, row in enumerate(rows, start=1) for column, cell in row.items())
    return {f"{named} {number}, {column}": _number(cell) for number, column, cell in cells}


def _number(cell: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _values(path: Path) -> dict[str, Any]:
    return dict(_leaves(json.loads(path.read_text(encoding="utf-8"))))


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a JSON document by dotted key; an empty list or object is a value."""
    inside = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(inside, dict) or not inside:
        yield key, value
        return
    for part, each in inside.items():
        yield from _leaves(each, f"{key}.{part}" if key else str(part))


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npy": _array,
    ".npz": _arrays,
    ".h5": _tensors,
    ".csv": _cells,
    ".json": _values,
}
"""By suffix; files of other kinds have to be the same bytes."""


def _environment_changes(first: Path, second: Path) -> dict[str, tuple[Any, Any]]:
    """By dotted key, what two environment.json say; None where one says nothing."""
    before, after = (_settings(json.loads(path.read_text(encoding="utf-8"))) for path in (first, second))
    keys = dict.fromkeys([*before, *after])
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _settings(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The document flat; lists, as those of instruction sets, stay whole."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= _settings(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
