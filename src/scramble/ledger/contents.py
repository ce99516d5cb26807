"""What ledger.json holds."""

from pydantic import BaseModel, ConfigDict


class Contents(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParametersIn(Contents):
    """Where the trainable parameters of a model sit."""

    convolution: int
    dense: int
    normalisation: int
    """Scales and offsets of batch normalisations."""
    other: int
    """Coefficients and biases of trainable subsampling."""


class FirstLayer(Contents):
    """The first layer with weights (both towers of AlexNet), and the same units connected to every pixel."""

    units: int
    """Height * width * channels of its output."""
    parameters: int
    dense_weights_per_unit: int
    """Height * width * channels of the image."""
    dense_parameters: int
    """units * (dense_weights_per_unit + 1): every unit has a bias."""


class LayerRow(Contents):
    """One layer, counted as the whole model is."""

    name: str
    kind: str
    """The name of its class."""
    kernel_size: tuple[int, int] | None
    """(height, width) of the window, of a pooling too; None for a layer without."""
    strides: tuple[int, int] | None
    padding: str | None
    """Either "valid" or "same"; of a ZeroPadding2D, the rows of zeros at top and bottom, the columns left and right."""
    output_shape: tuple[int, ...]
    """Of one image."""
    parameters: int
    """Trainable."""
    connections: int
    macs: int
    receptive_field: tuple[int, int] | None
    """None where a unit sees the whole image: after flattening, and after a mean over the map."""
    depth: int
    """Layers with weights that multiply inputs (convolutions, dense layers) on the longest path to this one, itself
    included. As a field, it follows the map where something without a map joins it."""
    auxiliary: bool
    """Whether it leads to auxiliary heads only, which inference leaves out."""


class Ledger(Contents):
    """The contents of ledger.json.

    Where a model has auxiliary heads, `macs`, `receptive_field`, `depth` and `first_layer` are of the way to the logits
    alone; everything else includes the heads, since training has them.
    """

    trainable_parameters: int
    total_parameters: int
    """With the moving statistics of normalisations."""
    parameters_in: ParametersIn
    dense_share: float
    """Share of the trainable parameters that sit in dense layers."""
    macs: int
    """Multiply-accumulates per image from the image to the logits, as in inference: a weight of a convolution or dense
    layer times its input, zero padding included. Biases, normalisation, activation and pooling are not counted."""
    activation_bytes: int
    """Of one image, of the outputs of all layers in float32, the image included; Flatten and Reshape are views and need
    nothing. What training must keep for its backward pass is about this times the batch size: what a layer needs
    inside comes on top, and outputs that no gradient needs are given back."""
    connections: int
    """Uses of parameters per image: products with a weight and additions of a bias, as LeCun et al. 1998 count (fixed
    weights, too), and a normalisation's scale and offset."""
    sharing_factor: float
    """connections / trainable_parameters: 1 where no weight is shared."""
    receptive_field: tuple[int, int]
    """(height, width) in pixels of what a unit of the last layer with a map sees of an unbounded image; the whole image
    where no layer has a map."""
    depth: int
    """That of the logits."""
    first_layer: FirstLayer
    layers: tuple[LayerRow, ...]
    """All but the input, each after those that it reads."""
