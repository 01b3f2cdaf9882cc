"""What `l1ae verify` hands to programs: JSON and JUnit XML, also of strange names and messages."""

import io
import json
from xml.etree import ElementTree as XML

import pytest
from rich.console import Console

from l1ae.errors import ConversionError
from l1ae.outcomes import Outcome, table, write_json, write_junit
from l1ae.verify import Mismatch, Pair, Verdict

MISMATCH = Mismatch(3, "corner", "hidden", 1, 7, 8, 1, [0.0])


def verdict(mismatches):
    first = MISMATCH if mismatches else None
    pair = Pair("reference", "c-simulation", 10, mismatches, 10, first)
    return Verdict(10, mismatches, (pair,), {"corner": 10}, {"cut": 4})


EXACT = Outcome("a.keras", "model", 1.25, verdict(0), {"mismatches": 0}, 5, ("scale of hidden snapped",))
DIFFERS = Outcome("b", "project", 2.5, verdict(2), {"mismatches": 2}, 6)
REFUSED = Outcome("c<&>\x00\x1b[31m.h5", "unknown", 0.125, error=ConversionError('layer x: "<&>"\x07 is no number'))


def junit(tmp_path, *outcomes):
    write_junit(tmp_path / "found.xml", outcomes)
    return XML.parse(tmp_path / "found.xml").getroot()


def test_the_status_follows_from_the_verdict():
    assert [one.status for one in (EXACT, DIFFERS, REFUSED)] == ["exact", "differs", "refused"]


def test_junit_has_the_structure_that_services_read(tmp_path):
    root = junit(tmp_path, EXACT, DIFFERS, REFUSED)
    assert (root.tag, [child.tag for child in root]) == ("testsuites", ["testsuite"])
    suite = root[0]
    for element in (root, suite):
        assert {name: element.get(name) for name in ("tests", "failures", "errors", "skipped", "time")} == {
            "tests": "3",
            "failures": "1",
            "errors": "1",
            "skipped": "0",
            "time": "3.875",
        }
    assert [child.tag for child in suite] == ["testcase"] * 3
    assert [set(case.keys()) for case in suite] == [{"classname", "name", "file", "time"}] * 3
    assert [[child.tag for child in case] for case in suite] == [
        ["properties", "system-out"],
        ["properties", "failure", "system-out"],
        ["properties", "error", "system-out"],
    ]
    # What is shown is the text at one service, the attribute at another.
    for problem, outcome in ((suite.find("testcase/failure"), DIFFERS), (suite.find("testcase/error"), EXACT)):
        assert problem.text.splitlines()[0] == problem.get("message")
        assert outcome is EXACT or problem.get("message") == outcome.message


def test_junit_holds_what_was_compared(tmp_path):
    cases = junit(tmp_path, EXACT, DIFFERS)[0]
    properties = {one.get("name"): one.get("value") for one in cases[0].iter("property")}
    assert properties == {
        "kind": "model",
        "status": "exact",
        "events": "10",
        "mismatches": "0",
        "layers": "5",
        "events corner": "10",
        "ties cut": "4",
    }
    assert "scale of hidden snapped" in cases[0].find("system-out").text
    assert str(MISMATCH) in cases[1].find("failure").text


def test_names_and_messages_of_any_kind_are_well_formed(tmp_path):
    case = junit(tmp_path, REFUSED)[0][0]
    assert case.get("name").startswith("c<&>")
    assert case.find("error").get("type") == "ConversionError"
    assert '"<&>"' in case.find("error").text


def test_json_holds_every_verdict(tmp_path):
    write_json(tmp_path / "found.json", [EXACT, DIFFERS, REFUSED])
    content = json.loads((tmp_path / "found.json").read_text())
    assert (content["exact"], content["differs"], content["refused"]) == (1, 1, 1)
    assert [result["verdict"] for result in content["results"]] == [{"mismatches": 0}, {"mismatches": 2}, None]
    assert content["results"][0]["notes"] == ["scale of hidden snapped"]
    assert content["results"][2]["message"] == REFUSED.message
    assert content["versions"]["python"]


@pytest.mark.parametrize(("outcome", "words"), [(EXACT, "exact"), (DIFFERS, "layer hidden, unit 1"), (REFUSED, "<&>")])
def test_the_table_has_a_row_for_each(outcome, words):
    console = Console(width=200, file=io.StringIO())
    console.print(table([outcome]))
    assert words in console.file.getvalue()
