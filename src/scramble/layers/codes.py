"""What LeNet-5 of 1998 compares its last hidden layer with: a fixed code of +1 and -1 for every class."""

import numpy as np
from numpy.typing import NDArray

CODE_LENGTH = 84

DIGITS = """
..###.. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
.##.##. ..###.. ##...## ##...## ...###. ##..... .##.... .....## ##...## ##...##
##...## .####.. .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..####. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. .....## .....## .##.##. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. ..####. .##.##. ######. ######. ....##. .#####. ##...##
##...## ...##.. ...##.. .....## ##..##. .....## ##...## ...##.. ##...## .######
##...## ...##.. ..##... .....## ####### .....## ##...## ...##.. ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ...##.. ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ....##. ##...## ##...## ..##... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..
"""
"""The digits 0 to 9 as bitmaps, 7 pixels wide and 12 high; # is +1 and . is -1."""


def class_codes(num_classes: int) -> NDArray[np.float32]:
    """The codes (num_classes, 84) of LeCun, Bottou, Bengio & Haffner 1998, section II.B.

    Up to ten classes have the bitmaps of the digits, row by row: set by hand, as in the paper, so that digits that look
    alike have codes that are alike. More classes have random codes with equal chances, always the same, which the
    paper would allow.
    """
    if num_classes > 10:
        return np.random.default_rng(1998).choice(np.array([-1, 1], "float32"), (num_classes, CODE_LENGTH))
    rows = [line.split() for line in DIGITS.split("\n") if line]
    bitmaps = ["".join(digit) for digit in zip(*rows, strict=True)]
    codes = [[1 if pixel == "#" else -1 for pixel in bitmap] for bitmap in bitmaps[:num_classes]]
    return np.array(codes, "float32")
