"""A sheet of images as a PNG file in as few bytes as its colours allow."""

import io

import numpy as np
from PIL import Image

from scramble.figures.style import Figure, plt

DOTS_PER_INCH = 100


def png(figure: Figure, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """The figure as a PNG file on white, and closes it: grey where the figure is, else in a palette of 256 colours."""
    figure.set_dpi(dots_per_inch)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    plt.close(figure)
    grey = (pixels == pixels[..., :1]).all()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    if not grey:
        image = image.quantize(256, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
