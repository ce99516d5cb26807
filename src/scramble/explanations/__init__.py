"""What convolutional networks look at: their first filters, and where in a picture their answer comes from."""

from scramble.explanations.attention import grad_cam
from scramble.explanations.carrying import carried_back, sources
from scramble.explanations.networks import Anatomy, Explanation, anatomy, explain
from scramble.explanations.structure import morans_i_of_filters, rank_correlation

__all__ = [
    "Anatomy",
    "Explanation",
    "anatomy",
    "carried_back",
    "explain",
    "grad_cam",
    "morans_i_of_filters",
    "rank_correlation",
    "sources",
]
