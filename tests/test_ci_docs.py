"""docs/convert.md and docs/ci.md: what they tell people to type is typed here, and does what they say."""

import glob
import json
import re
from pathlib import Path
from xml.etree import ElementTree as XML

import click
import keras
import pytest
import yaml

from l1ae.rounding import KerasRounding

from . import models
from .test_readme import ROOT, Document, command_lines, parse

CONVERT, CI = (Document(ROOT / "docs" / name, ROOT) for name in ("convert.md", "ci.md"))


@pytest.fixture
def repository(tmp_path, monkeypatch, compiled):
    """Somebody's repository with the model that docs/convert.md builds."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    keras.utils.set_random_seed(0)  # the same weights are compiled once
    exec(CONVERT.blocks("python")[0], {})
    return tmp_path


def typed(document):
    """Commands of l1ae in a document, and those of pip."""
    lines = list(command_lines("\n".join(document.blocks("sh", "bash", "console"))))
    pip = [line for line in lines if line[:3] == ["python", "-m", "pip"]]
    assert [line[0] for line in lines if line not in pip] == ["l1ae"] * (len(lines) - len(pip))
    return [line[1:] for line in lines if line not in pip], pip


def expanded(words):
    """Patterns replaced by the files that they match, as a shell does."""
    return [found for word in words for found in (sorted(glob.glob(word)) if "*" in word else [word])]  # noqa: PTH207


def check_pip(words):
    assert words[:4] == ["python", "-m", "pip", "install"]
    assert 'name = "l1ae"' in (ROOT / "pyproject.toml").read_text()
    assert words[4:] in (["l1ae"], ["./l1ae"])


@pytest.mark.parametrize("document", [CONVERT, CI], ids=["convert", "ci"])
def test_every_command_is_run(l1ae, repository, document):
    commands, pip = typed(document)
    assert len(commands) >= 3
    for words in commands:
        ended = l1ae(*expanded(words))
        assert ended.text, words
        if words[0] == "verify":
            assert ": 0 of " in ended.out
    for words in pip:
        check_pip(words)
    assert not (document is CI and not pip)


def test_the_files_for_programs_are_written_as_said(l1ae, repository):
    first = typed(CI)[0][0]
    assert l1ae(*expanded(first)).text
    assert XML.parse("verify.xml").getroot().find("testsuite").get("tests") == "1"
    assert json.loads(Path("verify.json").read_text())["exact"] == 1


def test_the_python_of_the_page_runs(repository):
    scope = {}
    exec(CONVERT.blocks("python")[1], scope)
    assert scope["scores"].shape == (5, 1)
    assert scope["verdict"].exact
    assert scope["firmware"].folder == repository / "firmware" / "trigger"


def test_the_test_of_the_page_passes_for_a_good_model_and_fails_for_another(repository, tmp_path):
    from l1ae.errors import ConversionError

    scope = {}
    exec(CI.blocks("python")[0], scope)
    scope["test_the_trigger_is_exact"](tmp_path)
    models.save(models.scaled(), Path("models/trigger.keras"))
    with pytest.raises(ConversionError, match="alpha='auto'"):
        scope["test_the_trigger_is_exact"](tmp_path)


def test_the_sentence_about_float32_is_the_one_that_is_printed():
    assert f"    {KerasRounding('score', 31, 10482, 812, 3)}\n" in CONVERT.text


# The configurations of the services.


def workflows():
    github, gitlab = (yaml.safe_load(body) for body in CI.blocks("yaml"))
    return github, gitlab


def commands_of(lines):
    return [words for line in lines for words in command_lines(line)]


def check_commands(commands):
    """The first installs l1ae, the second is the command that the page explains."""
    install, verify = commands
    check_pip(install)
    assert verify[1:] == typed(CI)[0][0]
    name, parameters = parse(verify[1:])
    assert name == "verify"
    return parameters


def test_the_workflow_of_github_verifies_and_keeps_the_files():
    github, _ = workflows()
    assert set(github[True]) == {"push", "pull_request"}  # "on" is a word for yes in YAML 1.1
    (job,) = github["jobs"].values()
    parameters = check_commands(commands_of(step["run"] for step in job["steps"] if "run" in step))
    used = {step["uses"].split("@")[0]: step for step in job["steps"] if "uses" in step}
    python = used["actions/setup-python"]["with"]["python-version"]
    assert isinstance(python, str)
    assert f"Python :: {python}" in (ROOT / "pyproject.toml").read_text()
    upload = used["actions/upload-artifact"]
    shown = used["EnricoMi/publish-unit-test-result-action"]
    assert upload["if"] == shown["if"] == "always()"
    assert Path(shown["with"]["files"]) == parameters["junit"]
    assert all(path.match(upload["with"]["path"]) for path in (parameters["junit"], parameters["json_file"]))
    # The order: sources, Python, installation, verification, files.
    order = [step.get("uses", step.get("run")).split("@")[0] for step in job["steps"]]
    places = [order.index(f"actions/{name}") for name in ("checkout", "setup-python", "upload-artifact")]
    assert places == sorted(places)


def test_the_pipeline_of_gitlab_verifies_and_hands_the_files_over():
    _, gitlab = workflows()
    (job,) = gitlab.values()
    parameters = check_commands(commands_of(job["script"]))
    assert re.fullmatch(r"python:3\.\d+", job["image"])
    assert f"Python :: {job['image'].removeprefix('python:')}" in (ROOT / "pyproject.toml").read_text()
    assert job["artifacts"]["when"] == "always"
    assert Path(job["artifacts"]["reports"]["junit"]) == parameters["junit"]
    assert parameters["junit"].suffix == ".xml", "GitLab reads no other"
    assert [Path(path) for path in job["artifacts"]["paths"]] == [parameters["json_file"]]


def test_a_wrong_command_in_a_workflow_would_be_seen():
    with pytest.raises(click.UsageError):
        parse(["verify", "models/*.keras", "--xml", "verify.xml"])
    with pytest.raises(AssertionError):
        check_commands(commands_of(["python -m pip install l1ea", "l1ae verify models/*.keras"]))


def test_the_exit_codes_are_those_of_the_table(l1ae, repository):
    table = dict(re.findall(r"^\| ([012]) \| (.*) \|$", CI.text, re.MULTILINE))
    assert set(table) == {"0", "1", "2"}
    model, project = Path("models/trigger.keras"), Path("firmware/trigger")
    broken = models.save(models.scaled(), Path("models/broken.keras"))
    assert l1ae("convert", model, "--out", project).text
    assert "exact" in table["0"]
    assert l1ae("verify", project, model, "--events", 10).code == 0
    assert "cannot be verified" in table["2"]
    assert l1ae("verify", project, broken, "--events", 10).code == 2
    header = next((project / "firmware" / "weights").glob("w*.h"))
    text = header.read_text()
    start, end = text.index("{") + 1, text.index("}")
    weights = [-float(value) for value in text[start:end].split(",")]
    header.write_text(text[:start] + ", ".join(map(str, weights)) + text[end:])
    assert "differs from its model" in table["1"]
    assert l1ae("verify", project, broken, "--events", 10).code == 1
