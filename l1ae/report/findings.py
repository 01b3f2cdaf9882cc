"""What a report says in words: the verdict, warnings, the model against each baseline, what the rates stand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from l1ae.evaluation import PileUpDependence, Rates
from l1ae.hardware.simulation.verdict import RtlVerdict
from l1ae.report.record import Baseline, Exactness, Explanation, Pair, RunReport

#: A difference of AUCs counts when it is larger than this many standard errors.
SIGNIFICANT = 2.0


@dataclass(frozen=True)
class Verdict:
    """Whether the firmware computes what the model computes, in a headline and in sentences."""

    state: Literal["exact", "differs", "unverified"]
    headline: str
    details: tuple[str, ...]


def verdict(report: RunReport) -> Verdict:
    """The verdict of a report; without a comparison it is "unverified", never "exact"."""
    found = report.exactness
    checks = {} if report.firmware is None else report.firmware.checks
    simulated = tuple(_simulated(name, check) for name, check in checks.items())
    wrong = [name for name, check in checks.items() if not check.exact]
    if found is not None and found.mismatches:
        failing = [_difference(pair) for pair in found.pairs if pair.mismatches]
        failing += [] if found.explanation is None else [_cause(found.explanation)]
        headline = f"Not exact: {found.mismatches:,} of {found.events:,} events differ"
        return Verdict("differs", headline, (*failing, *keras_rounding(found), *simulated))
    if wrong:
        differ = "differ" if len(wrong) > 1 else "differs"
        return Verdict("differs", f"Not exact: {' and '.join(wrong)} {differ} from the reference", simulated)
    if found is None:
        nothing = "Nothing was compared yet, so nothing is claimed. Run l1ae verify."
        return Verdict("unverified", "Not verified", simulated or (nothing,))
    headline = f"Exact: {_chain(found, checks)}{found.events:,} events, 0 mismatches"
    return Verdict("exact", headline, (_origin(found), *keras_rounding(found), *simulated))


#: Implementations as readers know them.
_NAMES = {"keras": "Keras", "c-simulation": "C simulation"}


def _chain(found: Exactness, checks: Mapping[str, RtlVerdict]) -> str:
    """What is equal, such as "Keras = reference = C simulation = RTL = netlist; ", where RTL was compared as well."""
    if not checks:
        return ""
    names = dict.fromkeys(name for pair in found.pairs for name in (pair.first, pair.second))
    # Where Keras itself rounds, it is judged layer by layer and is not equal to the others.
    judged = [_NAMES.get(name, name) for name in names if not (name == "keras" and found.keras_rounding)]
    return f"{' = '.join((*judged, *checks))}; "


def _simulated(name: str, check: RtlVerdict) -> str:
    patterns = ", ".join(dict.fromkeys(pattern.name for pattern in check.patterns))
    return f"{name}, simulated cycle by cycle by {check.tool} {check.version} ({patterns}): {check.sentence}."


def keras_rounding(found: Exactness) -> tuple[str, ...]:
    """A sentence for every layer that Keras itself does not compute exactly."""
    sentences = []
    for one in found.keras_rounding:
        why = f"here (needs {one.bits} bits, float32 holds 24)" if one.bits > 24 else "in front of it"
        sentences.append(
            f"Layer {one.layer}: Keras rounds {why}: {one.differing:,} of {one.events:,} events, "
            f"at most {one.largest_lsb:,} LSB. The integer reference is the judge."
        )
    return tuple(sentences)


def warnings(report: RunReport) -> tuple[str, ...]:
    """A sentence for every score that has collapsed: it is one and the same number, whatever the event."""
    scores = {"the model": report.physics} | {name: found.performance for name, found in report.baselines.items()}
    sentences = []
    for name, performance in scores.items():
        collapsed = [signal for signal, found in performance.items() if found.collapsed]
        if collapsed:
            cure = " Train it with a longer warm-up, a smaller beta, or a wider code." if name == "the model" else ""
            sentences.append(
                f"Warning: the score of {name} has collapsed: all events of the background and of "
                f"{', '.join(collapsed)} have the same one, so that it tells nothing apart.{cure}"
            )
    return tuple(sentences)


def rate_basis(rates: Rates) -> str:
    """What the rates of a report assume, in words."""
    basis = rates.basis
    filled = f"{basis.crossing_rate_mhz:g} MHz of bunch crossings, {basis.filling_factor:g} of them filled"
    if basis.background_share == 1:
        return (
            f"Rates: {filled}, make {rates.input_khz:,.6g} kHz. They hold if every filled crossing held an event like "
            "those of the background sample; state trigger.background_share for a sample that was filtered."
        )
    return (
        f"Rates: {filled}; the background sample stands for the share {basis.background_share:g} of them, as the "
        f"configuration states, which makes {rates.input_khz:,.6g} kHz."
    )


def pile_up_sentence(found: PileUpDependence | None) -> str:
    """How far the score follows pile-up, or why that is not known."""
    if found is None:
        return "Dependence on pile-up: not available: the events carry no pile-up count."
    if found.correlation is None or found.error is None:
        return f"Dependence on pile-up: not available: {found.reason}."
    return (
        f"Dependence on pile-up: rank correlation {signed(found.correlation, 3)} ± {found.error:.3f} over "
        f"{found.events:,} background events."
    )


def against_baseline(name: str, baseline: Baseline) -> str:
    """On how many signals the model beats a baseline, naming the others; differences within errors are called that."""
    wins: list[str] = []
    losses: list[str] = []
    even: list[str] = []
    for signal, gain in baseline.gain.items():
        difference = f"{signal} ({signed(gain.value, 3)} ± {gain.error:.3f})"
        if abs(gain.value) <= SIGNIFICANT * gain.error:
            even.append(difference)
        else:
            (wins if gain.value > 0 else losses).append(difference)
    ceiling = " (a ceiling: it has seen the signals)" if baseline.sees_signal else ""
    parts = [f"beats {name}{ceiling} on {len(wins)} of {len(baseline.gain)} signals"]
    if losses:
        parts.append(f"worse on {', '.join(losses)}")
    if even:
        parts.append(f"no difference within {SIGNIFICANT:g} standard errors on {', '.join(even)}")
    return "; ".join(parts)


def signed(value: float, decimals: int) -> str:
    """A difference with its sign, for readers: a minus sign, not a hyphen."""
    return f"{value:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _origin(found: Exactness) -> str:
    parts = [f"{count:,} {origin}" for origin, count in found.stimuli.items() if count]
    return f"Stimuli: {', '.join(parts)}. Words are compared as integers, without tolerance."


def _cause(found: Explanation) -> str:
    return f"Likely cause in layer {found.origin or found.layer}: {found.cause}, {found.detail}"


def _difference(pair: Pair) -> str:
    text = f"{pair.first} and {pair.second} differ in {pair.mismatches:,} of {pair.events:,} events"
    first = pair.first_mismatch
    if first is None:
        return text
    return (
        f"{text}; first in layer {first.layer}, unit {first.unit}, event {first.event} ({first.stimulus}): "
        f"{first.first_value} against {first.second_value}, {first.distance_lsb} LSB apart"
    )
