"""The plain C header: no dependencies, valid C99 and C++, the words of the reference."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from l1ae.circuit import corner_words
from l1ae.errors import ToolchainError, VerificationError
from l1ae.hardware.exchange import FORMATS, compare, export
from l1ae.hardware.exchange.header import header

from .faults import other_rounding, other_weight

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def test_it_is_compared_and_written(small, tmp_path):
    words = {"corner": corner_words(small)}
    assert export(small, tmp_path / "model.h", "c", name="model", words=words) == len(words["corner"])
    assert [file.name for file in tmp_path.iterdir()] == ["model.h"]
    assert (tmp_path / "model.h").read_bytes() == header(small, "model")


def test_it_says_what_goes_in_and_out(small):
    text = header(small, "model").decode()
    assert " *   words: 3 x ap_fixed<6,4,RND_CONV,SAT>, 2 bits below the point\n" in text
    assert " *   code: 2 x ap_fixed<6,4,RND_CONV,SAT>, 2 bits below the point\n" in text
    assert re.findall(r"#include .*", text) == ["#include <stdint.h>"]


PROGRAM = """
#include "first.h"
#include "second.h"
#include <stdio.h>
int main(void)
{
  int64_t words[first_INPUTS] = {5, -7, 30}, out[first_OUTPUTS];
  first_event(words, out);
  printf("%d %d ", (int)out[0], (int)out[1]);
  second_event(words, out);
  printf("%d %d", (int)out[0], (int)out[1]);
  return 0;
}
"""


@pytest.mark.parametrize(
    "language", [("c", "-std=c99"), ("c", "-std=c17"), ("c++", "-std=c++11"), ("c++", "-std=c++20")]
)
def test_two_models_fit_into_one_program_in_c_and_in_cpp(small, tmp_path, language):
    other = other_weight(small)
    (tmp_path / "first.h").write_bytes(header(small, "first"))
    (tmp_path / "second.h").write_bytes(header(other, "second"))
    (tmp_path / "program.c").write_text(PROGRAM)
    kind, standard = language
    strict = ("-Wall", "-Wextra", "-Wconversion", "-Wno-unused-function", "-pedantic-errors", "-Wno-sign-conversion")
    command = ["gcc", "-x", kind, standard, *strict, "program.c", "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    said = subprocess.run(["./program"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    words = np.array([[5, -7, 30]])
    expected = [*small.output_words(words)[0].tolist(), *other.output_words(words)[0].tolist()]
    assert [int(word) for word in said.split()] == expected


def test_a_name_that_c_does_not_take_gets_a_beginning(small):
    assert b"static void model_4th_event(" in header(small, "4th")


@pytest.mark.parametrize("plant", [other_weight, other_rounding])
def test_a_fault_is_caught_and_nothing_is_written(small, tmp_path, monkeypatch, plant):
    healthy = FORMATS["c"]
    monkeypatch.setitem(FORMATS, "c", lambda circuit, name: healthy(plant(circuit), name))
    with pytest.raises(VerificationError, match=r"the c file differs from the reference on .* output code"):
        export(small, tmp_path / "model.h", "c", words={"corner": corner_words(small)})
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_does_not_compile_is_a_failure_of_the_tool(small):
    damaged = header(small, "model").replace(b"int64_t *out)", b"int64_t *out) x")
    with pytest.raises(ToolchainError, match=r"gcc failed on the header: .*error"):
        compare(small, damaged, "c", {"corner": corner_words(small)})


def test_a_missing_compiler_is_named(small, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="gcc not found, which checks the header"):
        export(small, tmp_path / "model.h", "c", words={"corner": corner_words(small)})
    assert export(small, tmp_path / "model.h", "c") == 0
