"""What a watch has found, as text for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from l1ae.events.compare import p_text, table
from l1ae.monitoring.rates import ThresholdRate
from l1ae.monitoring.watch import Monitoring


def summarise(found: Monitoring, top: int | None = 10) -> RenderableType:
    """Rates of the thresholds, then the tests of the score and the inputs; `top` of them, or all."""
    lines = [f"Left out {events:,} events because {reason}." for reason, events in found.left_out.items()]
    lines += [f"Note: {warning}" for warning in found.comparison.warnings()]
    return Group(*map(Text, lines), _rates(found), table(found.comparison, "ks", top))


def _rates(found: Monitoring) -> Table:
    result = Table(
        title=f"{found.run}: rates of its thresholds, reference and new events; 68.27 % intervals",
        caption=f"events come at {found.input_khz:,.6g} kHz; p corrected after Holm",
    )
    for heading in ("score >=", "of", "reference kHz", "new kHz", "new / reference", "p corrected"):
        result.add_column(heading, justify="left" if heading == "of" else "right")
    for rate in found.rates:
        before, now = rate.reference_rate, rate.rate
        cells = (f"{one.value:,.4g} ({one.low:,.4g}-{one.high:,.4g})" for one in (before, now))
        result.add_row(str(rate.threshold), ", ".join(rate.names), *cells, _ratio(rate), p_text(rate.p_holm))
    return result


def _ratio(rate: ThresholdRate) -> str:
    low, high = (f"{end:.3g}" if end is not None else "?" for end in (rate.ratio_low, rate.ratio_high))
    return f"{'?' if rate.ratio is None else f'{rate.ratio:.3g}'} ({low}-{high})"
