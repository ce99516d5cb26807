"""The few layers that Keras lacks. Importing the package registers them, so that a Keras JSON that names them loads."""

from scramble.layers.convolutions import GroupedConv2D
from scramble.layers.dropout import Dropout
from scramble.layers.lenet5 import RadialBasis, SparseConv2D, TrainableSubsampling
from scramble.layers.loading import main_logits, model_from_json
from scramble.layers.normalisation import BatchNormalization, LocalResponseNormalization
from scramble.layers.pooling import ChannelMaxPooling
from scramble.layers.shortcuts import PaddedShortcut

__all__ = [
    "BatchNormalization",
    "ChannelMaxPooling",
    "Dropout",
    "GroupedConv2D",
    "LocalResponseNormalization",
    "PaddedShortcut",
    "RadialBasis",
    "SparseConv2D",
    "TrainableSubsampling",
    "main_logits",
    "model_from_json",
]
