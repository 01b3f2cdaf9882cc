"""Figures of a `Comparison` as text of a cell."""

import math
from collections.abc import Sequence

from l1ae.report.comparison_record import Beaten, Figure
from l1ae.report.numbers import decimals, figure

#: What stands where there is nothing to say.
NOTHING = "\N{EN DASH}"


def area(found: Figure, brief: bool = False) -> str:
    """An AUC with two digits of its error: 0.9123 ± 0.0012, or brief 0.9123(12)."""
    if found.value is None:
        return NOTHING
    if found.low is None or found.high is None or found.high <= found.low:
        return f"{found.value:.4f}"
    error = float(f"{(found.high - found.low) / 2:.1e}")
    digits = max(2, min(6, 1 - math.floor(math.log10(error))))
    if brief:
        return f"{found.value:.{digits}f}({round(error * 10**digits)})"
    return f"{found.value:.{digits}f} ± {error:.{digits}f}"


def rate(found: Figure | None, seeds: Sequence[int], brief: bool = False) -> str:
    """A TPR in percent: with its interval, or of several seeds with their standard deviation.

    Brief, an interval is as wide as its longer side, and where no event fires only its upper end is given.
    """
    if found is None:
        return NOTHING
    if found.value is None or found.low is None or found.high is None:
        return NOTHING if brief else "not reachable"
    low, value, high = 100 * found.low, 100 * found.value, 100 * found.high
    if brief and value == 0 and len(seeds) < 2:
        return f"<{high:.2g}"
    if brief:
        error = float(f"{max(value - low, high - value):.1e}")
        digits = decimals(error / 100)
        whole = error if digits == 0 else round(error * 10**digits)
        return f"{value:.{digits}f}({whole:.0f})"
    digits = decimals(found.high - found.low)
    if len(seeds) > 1:
        digits = decimals((found.high - found.low) / 2)
        return f"{value:.{digits}f} ± {(high - low) / 2:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def spread(found: Figure) -> str:
    """A figure of the cost, with the standard deviation over seeds where it is not 0."""
    if found.value is None or found.low is None or found.high is None or found.high <= found.low:
        return figure(found.value)
    error = (found.high - found.low) / 2
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{found.value:,.{digits}f} ± {error:,.{digits}f}"


def percentage(found: Figure) -> str:
    """A share in percent, with the standard deviation over seeds where there are several."""
    if found.value is None:
        return NOTHING
    error = "" if found.low is None or found.high is None else f" ± {50 * (found.high - found.low):.1f}"
    return f"{100 * found.value:.1f}{error}"


def beaten(found: Beaten | None) -> str:
    """On how many signals a run is above (+) and below (-), of those that can be compared."""
    if found is None or not found.signals:
        return NOTHING
    parts = [f"+{found.above}" if found.above else "", f"-{found.below}" if found.below else ""]
    return f"{' '.join(filter(None, parts)) or '0'} of {found.signals}"
