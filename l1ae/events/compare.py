"""Two samples of events, input by input: are they drawn from the same distribution, and how far apart are they?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text
from scipy import stats

from l1ae.errors import DataError, DifferenceError
from l1ae.events.layout import Layout
from l1ae.events.summary import Summary, distinct
from l1ae.records import Record

#: Entries that a bin of the chi-squared test must lead to expect in both samples.
EXPECTED = 10
#: Corrected p-value below which a distance is no accident.
CHANCE = 0.01


class InputTest(Record):
    """The test of one input (`jet3_eta`, among events that have the object) or multiplicity (`jet multiplicity`).

    `entries` in the first and the second sample; `chi2` with `ndf` degrees of freedom and its `p` value; `ks`, the
    Kolmogorov-Smirnov distance, and its p-value `p_ks`; `p_holm`, the smaller of the two p-values corrected for their
    being two and, after Holm, for all tests. None where `reason` says why.
    """

    name: str
    entries: tuple[int, int]
    chi2: float | None = None
    ndf: int | None = None
    p: float | None = None
    ks: float | None = None
    p_ks: float | None = None
    p_holm: float | None = None
    reason: str | None = None

    @property
    def p_both(self) -> float:
        """The smaller p-value, corrected for the choice between two; 1 without a test."""
        return 1.0 if self.p is None or self.p_ks is None else min(1.0, 2 * min(self.p, self.p_ks))


class Side(Record):
    """One of the two samples: which processes were compared, how many events and how many distinct event ids."""

    name: str
    processes: tuple[str, ...]
    events: int
    distinct_ids: int


class Comparison(Record):
    """All tests between two samples, in the order of the layout, and what limits them."""

    first: Side
    second: Side
    common_ids: int
    tests: tuple[InputTest, ...]

    @property
    def made(self) -> list[InputTest]:
        """The tests that had enough entries."""
        return [test for test in self.tests if test.p is not None]

    def warnings(self) -> list[str]:
        """Why the p-values may be wrong: they assume independent events."""
        found = [
            f"{side.events - side.distinct_ids} of {side.events} events of {side.name} repeat an event id: "
            "the p-values assume independent events and are too small if these are copies"
            for side in (self.first, self.second)
            if side.distinct_ids < side.events
        ]
        if self.common_ids:
            found.append(
                f"{self.common_ids} event ids of {self.first.name} stand in {self.second.name} too: "
                "the p-values assume independent samples and are too large if these are the same events"
            )
        return found

    def check(self, max_ks: float | None = None, min_p: float | None = None) -> None:
        """Raise `DifferenceError` when a distance exceeds `max_ks` or a corrected p-value lies below `min_p`.

        A distance counts when chance does not explain it (corrected p-value below `CHANCE`): among few entries chance
        alone makes large ones. Raises `DataError` when there is a limit and no test could be made.
        """
        if max_ks is None and min_p is None:
            return
        if not self.made:
            raise DataError("the samples are too small for any test: the limits cannot be checked, take more events")
        real = [test for test in self.made if test.p_holm is not None and test.p_holm < CHANCE]
        far = [test for test in real if max_ks is not None and test.ks is not None and test.ks > max_ks]
        if far:
            worst = max(far, key=lambda test: test.ks or 0)
            raise DifferenceError(
                f"{len(far)} of {len(self.made)} inputs are further apart than a KS distance of {max_ks:g}; "
                f"{worst.name} most, {worst.ks:.3g}"
            )
        rare = [test for test in self.made if min_p is not None and test.p_holm is not None and test.p_holm < min_p]
        if rare:
            worst = min(rare, key=lambda test: (test.p_both, -(test.ks or 0)))
            raise DifferenceError(
                f"{len(rare)} of {len(self.made)} inputs have a corrected p-value below {min_p:g}; "
                f"{worst.name} the smallest, {worst.p_holm:.3g}"
            )


def compare(
    first: Summary,
    second: Summary,
    processes: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
    names: tuple[str, str] = ("A", "B"),
) -> Comparison:
    """Test every input and every multiplicity of two samples; None takes all processes of a sample.

    An input is one slot of one feature: each event gives one entry, so that entries are independent, as the test
    assumes; two jets of one event are not. Raises `DataError` for different layouts or a sample without events.
    """
    if first.layout != second.layout:
        raise DataError(
            f"{names[0]} and {names[1]} cannot be compared, {_difference(first.layout, second.layout)}; "
            "convert the events of one to the layout of the other"
        )
    ids = [summary.ids(chosen) for summary, chosen in zip((first, second), processes, strict=True)]
    sides = [
        Side(
            name=name,
            processes=tuple(chosen) if chosen is not None else summary.processes,
            events=len(numbers),
            distinct_ids=distinct(numbers),
        )
        for name, summary, chosen, numbers in zip(names, (first, second), processes, ids, strict=True)
    ]
    for side in sides:
        if not side.events:
            raise DataError(f"{side.name} holds no events to compare")
    tests = []
    objects = iter(first.layout.object_names())
    for kind in first.layout.kinds:
        fields = {feature: _pair(first, second, processes, kind.name, feature) for feature in kind.fields}
        for slot in range(kind.count):
            name = next(objects)
            tests += [two_sample_test(f"{name}_{feature}", a[slot], b[slot]) for feature, (a, b) in fields.items()]
        a, b = (
            summary.multiplicity(kind.name, chosen) for summary, chosen in zip((first, second), processes, strict=True)
        )
        tests.append(two_sample_test(f"{kind.name} multiplicity", a, b))
    return Comparison(first=sides[0], second=sides[1], common_ids=_common(*ids), tests=corrected(tests))


def table(comparison: Comparison, by: Literal["p", "ks"] = "p", top: int | None = None) -> Table:
    """The tests as a table, smallest p-value or largest distance first; `top` of them, or all and those not made."""

    def order(test: InputTest) -> tuple[float, ...]:
        distance = -(test.ks or 0.0)
        return (test.p_both, distance) if by == "p" else (distance, test.p_both)

    made = sorted(comparison.made, key=order)
    left = [test for test in comparison.tests if test.p is None]
    first, second = comparison.first, comparison.second
    result = Table(title=Text(f"{first.events} events of {first.name} (A) and {second.events} of {second.name} (B)"))
    for heading in ("input", "entries A", "entries B", "chi2 / ndf", "p", "KS distance", "p of KS", "p corrected"):
        result.add_column(heading, justify="left" if heading == "input" else "right")
    for test in made[:top]:
        p, p_ks, p_holm = map(p_text, (test.p, test.p_ks, test.p_holm))
        figures = (f"{test.chi2:.1f} / {test.ndf}", p, f"{test.ks:.4f}", p_ks, p_holm)
        result.add_row(Text(test.name), *map(str, test.entries), *figures)
    for test in left if top is None else ():
        result.add_row(Text(test.name), *map(str, test.entries), Text(test.reason or ""), *("-",) * 4)
    rest = len(made) - len(made[:top])
    result.caption = (
        f"{len(made)} tests, corrected after Holm; {rest} more not shown; {len(left)} not made for want of entries"
    )
    return result


def two_sample_test(name: str, first: NDArray[np.int64], second: NDArray[np.int64]) -> InputTest:
    """Chi-squared test of homogeneity and KS distance of the counts (words,) of two samples.

    Neighbouring words are merged by their counts in both samples together, which say nothing about a difference,
    until each bin leads to expect `EXPECTED` entries in both. So fine a test sees stuck bits and saturated words; a
    change of the whole shape shows first in the distance, the largest between the two distribution functions, whose
    p-value is that of large samples, and too large rather than too small where entries are equal (Noether, Metrika 7,
    1963).
    A cyclic field is cut open at word 0.
    """
    entries = int(first.sum()), int(second.sum())
    if not min(entries):
        reason = "no entries" if not max(entries) else f"no entries in the {'second' if entries[0] else 'first'} sample"
        return InputTest(name=name, entries=entries, reason=reason)
    starts = merged(first + second, EXPECTED * sum(entries) / min(entries))
    if len(starts) < 2:
        single = np.count_nonzero(first + second) == 1
        reason = "the same word in every entry" if single else f"too few entries for two bins of {EXPECTED}"
        return InputTest(name=name, entries=entries, reason=reason)
    observed = np.array([np.add.reduceat(first, starts), np.add.reduceat(second, starts)])
    result = stats.chi2_contingency(observed, correction=False)
    distance = np.abs(np.cumsum(first) / entries[0] - np.cumsum(second) / entries[1]).max()
    return InputTest(
        name=name,
        entries=entries,
        chi2=float(result.statistic),
        ndf=int(result.dof),
        p=float(result.pvalue),
        ks=float(distance),
        p_ks=float(stats.kstwobign.sf(distance * np.sqrt(entries[0] * entries[1] / sum(entries)))),
    )


def merged(counts: NDArray[np.int64], least: float) -> NDArray[np.intp]:
    """First word of each bin, so that bins of neighbouring words hold `least` counts or more; one bin if they cannot.

    From the first word on each bin is as small as possible; what is left over joins the last.
    """
    sums = np.cumsum(counts)
    starts = [0]
    below = 0
    while sums[-1] - below >= 2 * least:
        end = int(np.searchsorted(sums, below + least))
        below = int(sums[end])
        if sums[-1] - below < least:
            break
        starts.append(end + 1)
    return np.array(starts, dtype=np.intp)


def corrected(tests: Sequence[InputTest]) -> tuple[InputTest, ...]:
    """The tests with p-values corrected for their number."""
    made = [number for number, test in enumerate(tests) if test.p is not None]
    result = list(tests)
    for number, p in zip(made, holm([tests[number].p_both for number in made]), strict=True):
        result[number] = tests[number].model_copy(update={"p_holm": p})
    return tuple(result)


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, whatever their dependence (Holm, Scand. J. Stat. 6, 1979)."""
    result, floor = list(values), 0.0
    for rank, number in enumerate(sorted(range(len(values)), key=lambda number: values[number])):
        floor = max(floor, min(1.0, values[number] * (len(values) - rank)))
        result[number] = floor
    return result


def p_text(value: float | None) -> str:
    """A p-value as text; floating point ends at 1e-308."""
    return "-" if value is None else f"{value:.3g}" if value > 1e-300 else "< 1e-300"


def _common(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> int:
    """How many of the first sorted ids stand among the second, a million at a time."""
    found = 0
    for start in range(0, len(first), 2**20):
        piece = first[start : start + 2**20]
        place = np.minimum(np.searchsorted(second, piece), len(second) - 1)
        found += int(np.count_nonzero(second[place] == piece))
    return found


def _pair(
    first: Summary,
    second: Summary,
    processes: tuple[Sequence[str] | None, Sequence[str] | None],
    kind: str,
    feature: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return first.counts(kind, feature, processes[0]), second.counts(kind, feature, processes[1])


def _difference(first: Layout, second: Layout) -> str:
    """The first difference of two layouts, in words."""
    if first.features != second.features:
        return f"their features are {', '.join(first.features)} and {', '.join(second.features)}"
    kinds = [{kind.name: kind for kind in layout.kinds} for layout in (first, second)]
    if list(kinds[0]) != list(kinds[1]):
        return f"their objects are {', '.join(kinds[0])} and {', '.join(kinds[1])}"
    for name, kind in kinds[0].items():
        other = kinds[1][name]
        if kind.count != other.count:
            return f"they hold {kind.count} and {other.count} {name} objects"
        for feature in first.features:
            if kind.scale(feature) != other.scale(feature):
                return f"their scales of the {name} {feature} differ"
        if kind != other:
            return f"the {name} has the class code {kind.code} and {other.code}, or is an energy sum in one only"
    return "their layouts differ"
