"""Numbers as every table of the report prints them: with signs, units and intervals, never NaN."""

import math

from scramble.statistics import Estimate

MINUS = "−"
SPACE = "\N{NO-BREAK SPACE}"


def percent(value: Estimate | float) -> str:
    """A fraction in percent with two decimals, with the half width of its interval where there is one."""
    return _with_half_width(value, 100, "")


def in_percent(value: Estimate | float) -> str:
    return f"{percent(value)}{SPACE}%"


def points(value: Estimate | float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return _with_half_width(value, 100, "+")


def plain(value: Estimate | float | None, decimals: int = 3) -> str:
    """A number with three decimals; a dash where there is none."""
    return "–" if value is None else _with_half_width(value, 1, "", decimals)


def limits(value: Estimate | None, scale: int = 100, sign: str = "+", decimals: int = 2) -> str:
    """The interval of a difference as "+1.20 to +3.40", in percentage points; a dash where there is none."""
    if value is None or value.low is None or value.high is None:
        return "–"
    low, high = (_signed(scale * limit, sign, decimals) for limit in (value.low, value.high))
    return f"{low} to {high}"


def p_value(value: float) -> str:
    return "<" + SPACE + "0.001" if value < 0.001 else f"{value:.3f}"


def margin(value: float, unit: str = "point") -> str:
    """A margin in percentage points, as "1 point" or "0.5 points"."""
    return f"{100 * value:g} {unit}{'s' if value != 0.01 else ''}"


def _with_half_width(value: Estimate | float, scale: int, sign: str, decimals: int = 2) -> str:
    if not isinstance(value, Estimate):
        return _signed(scale * value, sign, decimals)
    text = _signed(scale * value.mean, sign, decimals)
    if value.half_width is None:
        return text
    return SPACE.join((text, "±", f"{scale * value.half_width:.{decimals}f}"))


def _signed(value: float, sign: str, decimals: int) -> str:
    if not math.isfinite(value):
        return "not finite"
    value = round(value, decimals) + 0.0  # no -0.00
    return f"{value:{sign}.{decimals}f}".replace("-", MINUS)
