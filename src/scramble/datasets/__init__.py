"""Where images and labels come from: one file per source, each with `load(spec) -> RawDataset`."""

from collections.abc import Callable

from scramble.datasets import cifar10, digits, idx, mnist
from scramble.datasets.raw import RawDataset
from scramble.datasets.stratified import stratified_sample

DATASETS: dict[str, Callable[..., RawDataset]] = {
    "digits": digits.load,
    "mnist": mnist.load,
    "fashion_mnist": mnist.load,
    "cifar10": cifar10.load,
    "idx": idx.load,
}
"""Reads what the block `dataset` of params.yaml names."""

__all__ = ["DATASETS", "RawDataset", "stratified_sample"]
