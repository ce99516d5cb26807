"""A study as params.yaml describes it: the one typed place for configuration.

Everything is checked here, before TensorFlow is imported or data is read: unknown keys, names and impossible
combinations are refused with the key, what was received and what was expected.
"""

from scramble.params.compute import Compute
from scramble.params.config import ImageShape
from scramble.params.datasets import Cifar10, Dataset, Digits, FashionMnist, Idx, Mnist
from scramble.params.models import ARCHITECTURES, ArchitectureOptions, check_architecture_fits, options_of
from scramble.params.permutations import AnyPermutation, Plain, Tiled, check_permutation_fits
from scramble.params.recipes import Augmentation, Recipe
from scramble.params.study import Study, load
from scramble.params.tune import Search, Setting

__all__ = [
    "ARCHITECTURES",
    "AnyPermutation",
    "ArchitectureOptions",
    "Augmentation",
    "Cifar10",
    "Compute",
    "Dataset",
    "Digits",
    "FashionMnist",
    "Idx",
    "ImageShape",
    "Mnist",
    "Plain",
    "Recipe",
    "Search",
    "Setting",
    "Study",
    "Tiled",
    "check_architecture_fits",
    "check_permutation_fits",
    "load",
    "options_of",
]
