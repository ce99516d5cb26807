"""What was measured: a line on the console, a row of results.json."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """Ours beside a peer's, or beside what is allowed."""

    name: str
    ours: float
    peer: float
    unit: str
    """Of both."""
    wanted: str = ""
    """What this project holds the ratio to, for the console."""

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    def __str__(self) -> str:
        wanted = f"  wanted {self.wanted}" if self.wanted else ""
        numbers = f"{_number(self.ours):>9} : {_number(self.peer):>9} {self.unit:9}"
        return f"{self.name:70} {numbers} = {self.ratio:.3f}{wanted}"

    def row(self) -> dict[str, str | float]:
        return {
            "name": self.name,
            "ours": float(f"{self.ours:.5g}"),
            "peer": float(f"{self.peer:.5g}"),
            "ratio": round(self.ratio, 4),
            "unit": self.unit,
        }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def record(path: Path, machine: dict[str, Any], part: str, results: Iterable[Result]) -> None:
    """Writes results into results.json, in the place of those that this part of the suite left before.

    What was measured on another processor is dropped: ratios depend on it. The matmul peak stays that of the run of
    `speed`, whose shares of it are among the results.

    Args:
        path: results.json, {**machine, "results": [{name, ours, peer, ratio, unit}]}.
        machine: the processor, and its matmul peak in GFLOP/s.
        part: what was run; the name of each of its results begins so, with a colon.
    """
    kept: list[dict[str, Any]] = []
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["processor"] == machine["processor"]:
            kept = [row for row in before["results"] if not row["name"].startswith(f"{part}:")]
            if any(row["name"].startswith("speed:") for row in kept):
                machine = machine | {"matmul_gflops": before["matmul_gflops"]}
    rows = [result.row() for result in results]
    document = {**machine, "results": kept + rows}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
