import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pydantic import ValidationError

from l1ae.circuit import UNDECIDED, Circuit, Dot, FixedFormat, Input, Overflow, Rounding
from l1ae.errors import RunFolderError
from l1ae.report import (
    Exactness,
    KerasRounding,
    Layer,
    Mismatch,
    Pair,
    RunReport,
    read_report,
    write_report,
    write_schema,
)
from l1ae.verify import Implementation, compare

SCHEMA = Path(__file__).parents[2] / "docs" / "report-schema.json"
FIRST = Mismatch(
    event=3, stimulus="data", layer="score", unit=0, first_value=1, second_value=2, distance_lsb=1, words=(0.0,)
)


def pair(mismatches, events=10):
    return Pair(
        first="keras",
        second="reference",
        events=events,
        mismatches=mismatches,
        layers_compared=5,
        first_mismatch=FIRST if mismatches else None,
    )


def test_round_trip(report, tmp_path):
    write_report(tmp_path / "report.json", report)
    assert read_report(tmp_path / "report.json") == report


def test_report_follows_the_schema(report, differing):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for valid in (report, differing, report.model_copy(update={"exactness": None, "firmware": None, "training": None})):
        jsonschema.validate(json.loads(valid.model_dump_json()), schema)
    broken = json.loads(report.model_dump_json())
    broken["physics"]["LQ"]["auc"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_committed_schema_is_current(tmp_path):
    write_schema(tmp_path / "schema.json")
    current = (tmp_path / "schema.json").read_text()
    assert SCHEMA.read_text() == current, "run l1ae.report.write_schema on docs/report-schema.json"


def test_unknown_keys_and_wrong_types_are_refused(report):
    content = json.loads(report.model_dump_json())
    for broken in ({**content, "speed": 1}, {**content, "name": 7}, {**content, "exactness": "fine"}):
        with pytest.raises(ValidationError):
            RunReport.model_validate_json(json.dumps(broken))


def test_numbers_must_be_finite(report):
    content = json.loads(report.model_dump_json())
    content["training"]["best_validation_loss"] = float("nan")
    with pytest.raises(ValidationError):
        RunReport.model_validate_json(json.dumps(content))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pair(11), "11 mismatches in 10 events"),
        (
            lambda: Pair(first="a", second="b", events=9, mismatches=1, layers_compared=0, first_mismatch=None),
            "first_mismatch belongs",
        ),
        (
            lambda: Pair(first="a", second="b", events=9, mismatches=0, layers_compared=0, first_mismatch=FIRST),
            "first_mismatch belongs",
        ),
        (lambda: verdict_of([pair(0)], stimuli={"data": 9}), "stimuli add up to 9, not to 10"),
        (lambda: verdict_of([pair(0, events=11)]), "more events than there are"),
        (lambda: verdict_of([pair(2)], mismatches=0), "0 mismatches do not follow"),
        (lambda: verdict_of([pair(2), pair(3)], mismatches=6), "6 mismatches do not follow"),
        (lambda: verdict_of([]), "at least 1 item"),
        (lambda: layer(3, 4), "4 zeros among 3"),
        (lambda: keras_rounding(11, 1), "11 of 10 events differ"),
        (lambda: keras_rounding(0, 1), "0 of 10 events differ, by 1 LSB"),
        (lambda: keras_rounding(3, 0), "3 of 10 events differ, by 0 LSB"),
    ],
)
def test_contradictions_are_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_mismatches_of_pairs_may_share_events():
    for mismatches in (3, 4, 5):
        verdict_of([pair(2), pair(3)], mismatches=mismatches)


def test_baselines_cover_the_signals_of_the_model(report):
    baselines = {k: v.model_copy(update={"gain": {}}) for k, v in report.baselines.items()}
    content = report.model_copy(update={"baselines": baselines}).model_dump_json()
    with pytest.raises(ValidationError, match="not evaluated on the signals of the model"):
        RunReport.model_validate_json(content)


def test_unreadable_reports(tmp_path):
    with pytest.raises(RunFolderError, match="no report"):
        read_report(tmp_path / "report.json")
    with pytest.raises(RunFolderError, match="cannot be read"):
        read_report(tmp_path)
    for text in ("", "{}", "[1]", '{"name": 1}'):
        (tmp_path / "report.json").write_text(text)
        with pytest.raises(RunFolderError, match="not a report of this version"):
            read_report(tmp_path / "report.json")


def verdict_of(pairs, mismatches=0, stimuli=None):
    return Exactness(
        events=10, mismatches=mismatches, pairs=tuple(pairs), stimuli=stimuli or {"data": 10}, ties={}, edited_files=()
    )


def implementation(name, circuit, spoil=0, float32=False):
    """The circuit, with `spoil` added to what the layer "square" shows."""

    def trace(values):
        traced = circuit.trace(values)
        return traced | {"square": traced["square"] + spoil}

    return Implementation(name, lambda values: trace(values)[circuit.output.name], trace, float32)


def squares(width):
    port = FixedFormat(True, width, width, Rounding.RND_CONV, Overflow.SAT)
    return Circuit.derive([Input("words", (), (2,), port), Dot("square", ("words", "words"), (1,), UNDECIDED)])


@pytest.mark.parametrize("width", [8, 14])
@pytest.mark.parametrize("firmware", [0, 1])
def test_the_record_of_the_verdict_is_read_as_it_is_written(width, firmware):
    circuit, words = squares(width), np.arange(12).reshape(6, 2)
    rounds = 3 if width > 12 else 0
    implementations = [
        implementation("keras", circuit, rounds, float32=True),
        implementation("reference", circuit),
        implementation("c-simulation", circuit, firmware),
    ]
    found = compare(implementations, {"data": words}, circuit)
    record = Exactness.model_validate_json(json.dumps(found.as_dict()))
    assert record.mismatches == found.mismatches == 6 * firmware
    assert [one.layer for one in record.keras_rounding] == ["square"] * (rounds > 0)
    assert (record.explanation is not None) == bool(firmware)
    if firmware:
        assert record.explanation.layer == "square"
        assert record.explanation.cause == found.explanation.cause
    if rounds:
        assert record.keras_rounding[0].largest_lsb == 3


def test_a_record_of_before_keras_could_round_is_still_read():
    content = json.loads(verdict_of([pair(0)]).model_dump_json())
    del content["keras_rounding"], content["explanation"]
    assert Exactness.model_validate_json(json.dumps(content)) == verdict_of([pair(0)])


def keras_rounding(differing, largest_lsb):
    return KerasRounding(layer="score", bits=31, events=10, differing=differing, largest_lsb=largest_lsb)


def layer(weights, zeros):
    return Layer(
        name="code",
        kind="QDense",
        shape=(3,),
        format="ap_fixed<8,4>",
        accumulator=None,
        weight_format=None,
        weights=weights,
        zero_weights=zeros,
    )
