"""Scramble: does this network use what the picture looks like?"""

__version__ = "0.1.0"
