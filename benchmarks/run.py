"""`make bench` and `make bench NAME=...`: measures, prints, and keeps the numbers in benchmarks/results.json.

README.md beside this file says what each part measures. Run it on a machine that does nothing else.
"""

import argparse
import json
from collections.abc import Callable, Iterator

from benchmarks import ROOT, growth, kernels, machine, memory, pipeline, precision, resume, scrambling, speed, tables
from benchmarks.results import Result, record

RESULTS = ROOT / "benchmarks/results.json"
SHORT: dict[str, Callable[[], Iterator[Result]]] = {
    "speed": speed.measure,
    "kernels": kernels.measure,
    "scrambling": scrambling.measure,
    "memory": memory.measure,
    "growth": growth.measure,
}
LONG: dict[str, Callable[[], Iterator[Result]]] = {
    "pipeline": pipeline.measure,
    "precision": precision.measure,
    "resume": resume.measure,
}
"""These take about ten minutes each, and run only by name."""


def main() -> None:
    parts = SHORT | LONG
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=parts, help=f"default: {', '.join(SHORT)}")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print results.json as README's tables")
    arguments = parser.parse_args()
    if arguments.tables:
        print(tables.markdown(json.loads(RESULTS.read_text(encoding="utf-8"))))
    else:
        measure(arguments.part)


def measure(named: str | None) -> None:
    parts = SHORT | LONG
    description = machine.describe()
    peaks = ", ".join(f"{value:,.0f} GFLOP/s in {name}" for name, value in description["matmul_gflops"].items())
    print(f"{description['processor']['name']}, matrix products on one core: {peaks}", flush=True)
    for part in [named] if named else SHORT:
        results = []
        for result in parts[part]():
            print(result, flush=True)
            results.append(result)
        record(RESULTS, description, part, results)


if __name__ == "__main__":
    main()
