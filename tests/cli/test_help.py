"""What the commands say about themselves."""

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

COMMANDS = (
    "run",
    "train",
    "convert",
    "verify",
    "report",
    "evaluate",
    "compare",
    "encode",
    "generate",
    "export",
    "package",
    "monitor",
    "emulate",
    "data",
    "data generate",
    "data info",
    "data convert",
    "data compare",
)


def test_help_lists_every_command_and_shows_an_example(l1ae):
    ended = l1ae("--help")
    assert ended.text
    for name in {name.split()[0] for name in COMMANDS}:
        assert re.search(rf"^  {name} +[A-Z]", ended.out, re.MULTILINE)
    assert "l1ae run configs/dense_ae.yaml" in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_of_itself(l1ae, name):
    ended = l1ae(*name.split(), "--help")
    assert ended.text
    assert re.search(rf"^  Example: l1ae {name} \S", ended.out, re.MULTILINE)
    assert l1ae(*name.split(), "-h").out == ended.out


def test_the_version_is_that_of_the_package(l1ae):
    ended = l1ae("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"l1ae {version('l1ae')}\n", "")


@pytest.mark.parametrize("arguments", [("fly",), ("run",), ("run", "a", "b"), ("verify", "--tolerance", "1", "run")])
def test_a_command_line_that_makes_no_sense_ends_with_2_and_the_usage(l1ae, arguments):
    ended = l1ae(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("Usage: l1ae")


def test_help_and_bad_input_need_no_tensorflow():
    code = (
        "import sys; from l1ae.cli import main\n"
        "for arguments in (['--help'], ['run', '--help'], ['run', 'nothing.yaml']):\n"
        "    try: main(arguments)\n"
        "    except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'hls4ml', 'matplotlib', 'sklearn', 'onnx', 'onnxruntime'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "l1ae: error: no configuration file nothing.yaml\n")
