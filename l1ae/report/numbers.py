"""Numbers as text for readers: as many digits as they deserve."""

import math

from l1ae.evaluation import Share, WorkingPoint


def count(value: int) -> str:
    """An integer with its thousands apart."""
    return f"{value:,}"


def figure(value: float | None) -> str:
    """A number of any size with four digits at least; a dash when there is none."""
    if value is None:
        return "\N{EN DASH}"
    if float(value).is_integer() and abs(value) < 1e15:
        return count(int(value))
    return f"{value:.4g}"


def percent(point: WorkingPoint | Share) -> str:
    """The TPR of a working point, or a share, in percent, as many decimals as its interval deserves."""
    if point.value is None or point.low is None or point.high is None:
        return "not reachable"
    return f"{100 * point.value:.{decimals(point.high - point.low)}f} %"


def interval(low: float | None, high: float | None) -> str:
    """An interval of fractions in percent."""
    if low is None or high is None:
        return ""
    digits = decimals(high - low)
    return f"{100 * low:.{digits}f}\N{EN DASH}{100 * high:.{digits}f} %"


def khz(rate: float) -> str:
    """A rate in kHz with three digits at least, and never an exponent."""
    return count(round(rate)) if rate >= 100 else f"{rate:.3g}"


def decimals(width: float) -> int:
    """Decimals of a percentage that show the width of its interval with two digits."""
    return 1 if width <= 0 else max(0, min(6, 1 - math.floor(math.log10(100 * width))))
