import pytest

from l1ae.evaluation import AucDifference
from l1ae.report import against_baseline, verdict


def test_exact(report):
    found = verdict(report)
    assert found.state == "exact"
    assert found.headline == "Exact: 61,482 events, 0 mismatches"
    assert "30,000 data, 30,000 random, 1,482 corner" in found.details[0]
    assert report.exact is True


def test_a_difference_names_the_place(differing):
    found = verdict(differing)
    assert found.state == "differs"
    assert found.headline == "Not exact: 12 of 61,482 events differ"
    assert found.details == (
        "keras and c-simulation differ in 12 of 61,482 events; "
        "first in layer code, unit 2, event 417 (data): -13 against -12, 1 LSB apart",
    )
    assert differing.exact is False


def test_nothing_compared_is_never_exact(report):
    silent = report.model_copy(update={"exactness": None})
    assert verdict(silent).state == "unverified"
    assert silent.exact is None


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ({"LQ": (0.1, 0.01), "h0": (0.02, 0.005)}, "beats PCA on 2 of 2 signals"),
        (
            {"LQ": (0.1, 0.01), "h0": (-0.02, 0.005)},
            "beats PCA on 1 of 2 signals; worse on h0 (\N{MINUS SIGN}0.020 ± 0.005)",
        ),
        (
            {"LQ": (0.01, 0.01), "h0": (-0.009, 0.005)},
            "beats PCA on 0 of 2 signals; no difference within 2 standard errors on LQ (+0.010 ± 0.010), "
            "h0 (\N{MINUS SIGN}0.009 ± 0.005)",
        ),
        (
            {"LQ": (0.0, 0.0)},
            "beats PCA on 0 of 1 signals; no difference within 2 standard errors on LQ (+0.000 ± 0.000)",
        ),
    ],
)
def test_sentence_about_a_baseline(report, gains, sentence):
    gain = {name: AucDifference(value=value, error=error) for name, (value, error) in gains.items()}
    baseline = next(iter(report.baselines.values())).model_copy(update={"gain": gain})
    assert against_baseline("PCA", baseline) == sentence
