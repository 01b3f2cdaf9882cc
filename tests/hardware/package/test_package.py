"""An emulator package builds with make and g++ alone, loads as an experiment loads it, and is the reference."""

import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    FixedFormat,
    Input,
    Lookup,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    corner_words,
)
from l1ae.errors import ConfigError, ConversionError, ToolchainError, VerificationError
from l1ae.files import sha256
from l1ae.hardware.package import package, write_package

pytestmark = pytest.mark.skipif(not (shutil.which("g++") and shutil.which("make")), reason="needs g++ and make")


def network(seed=1, *, signed=True, outputs=1):
    """Scaled hardware words, a layer, a rectifier, a table, a score; words of one sign or both."""
    rng = np.random.default_rng(seed)
    saturating = {"rounding": Rounding.RND_CONV, "overflow": Overflow.SAT}
    port, weights = FixedFormat(signed, 13, 13, **saturating), FixedFormat(True, 5, 1, **saturating)
    nodes = [
        Input("words", (), (6,), port),
        Scale("scale", ("words",), (6,), UNDECIDED, tuple(rng.integers(-9, 9, 6).tolist()), (-3, -2, -4, -3, -2, -3)),
        Dense("sums", ("scale",), (4,), UNDECIDED, rng.integers(-16, 16, (6, 4)), weights, None, None),
        Quantize("relu", ("sums",), (4,), FixedFormat(False, 6, 9, **saturating)),
        Lookup("table", ("relu",), (4,), FixedFormat(True, 9, 4), rng.integers(-200, 200, (4, 64)), 0, -3),
        Dense("score", ("table",), (outputs,), UNDECIDED, rng.integers(-16, 16, (4, outputs)), weights, None, None),
    ]
    return Circuit.derive(nodes)


def stimuli(circuit):
    low, high = circuit.port_range
    drawn = np.random.default_rng(4).integers(low, high + 1, (500, circuit.n_inputs))
    return {"corner": corner_words(circuit, 1), "random": drawn}


def write(out, circuit=None, version=1, name="ANOMALY", **known):
    circuit = circuit or network()
    return write_package(circuit, name, version, out, words=stimuli(circuit), log=out.parent / "make.log", **known)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A package of two versions, and their libraries."""
    out = tmp_path_factory.mktemp("package") / "ANOMALY"
    write(out, network(1), 1, features=[f"muon {i} pt" for i in range(6)], thresholds=[{"score_word": 5}])
    write(out, network(2, signed=False), 2)
    make(out, "all")
    return out


@pytest.fixture
def copied(shipped, tmp_path):
    """A copy of the package to be spoiled, with all that was built."""
    return shutil.copytree(shipped, tmp_path / "ANOMALY")


def make(folder, *arguments, code=0):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def compiled(folder, text, *libraries, headers=()):
    """Build a C++ program against the headers of the package and run it in its folder: exit code and output."""
    (folder / "program.cpp").write_text(text)
    includes = [f"-I{folder / place}" for place in ("stand-in/include", ".")]
    command = ["g++", "-std=c++17", "-O1", *includes, *headers, "program.cpp", "-o", "program", "-ldl", "-pthread"]
    subprocess.run(command, cwd=folder, check=True)
    done = subprocess.run(["./program", *libraries], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_what_is_written_is_a_whole_repository(shipped):
    assert {path.name for path in shipped.iterdir() if not path.name.startswith("check_")} == {
        *("Makefile", "README.md", "package.json", "check.cpp", "exports.map", "stand-in", ".gitignore"),
        *("ANOMALY_v1", "ANOMALY_v2", "ANOMALY_v1.so", "ANOMALY_v2.so"),
    }
    record = json.loads((shipped / "ANOMALY_v1" / "record.json").read_text())
    assert record["inputs"][3] == {"name": "muon 3 pt", "offset": network(1)["scale"].offset[3], "shift": -3}
    assert record["input"]["type"] == "ap_fixed<13,13,AP_RND_CONV,AP_SAT>"
    for name, digest in record["files"].items():
        assert sha256(shipped / "ANOMALY_v1" / name) == digest
    assert json.loads((shipped / "ANOMALY_v1" / "thresholds.json").read_text()) == [{"score_word": 5}]
    assert not [path for path in shipped.rglob("*.txt") if path.name != "vectors.txt"]


def test_its_vectors_are_those_of_the_reference(shipped):
    for version, circuit in ((1, network(1)), (2, network(2, signed=False))):
        found = np.loadtxt(shipped / f"ANOMALY_v{version}" / "vectors.txt", dtype=np.int64)
        assert len(found) > 500
        assert (found[:, 6:] == circuit.output_words(found[:, :6])).all()


def test_make_check_compares_every_version_in_one_thread_and_in_four(shipped):
    said = make(shipped, "check")
    assert len(re.findall(r"ANOMALY_v[12]\.so: 0 of \d{3,} vectors differ, 0 on 4 threads", said)) == 2


def test_only_two_symbols_leave_a_library(shipped):
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", "ANOMALY_v1.so"], cwd=shipped, capture_output=True, text=True, check=True
    )
    assert sorted(line.split()[-1] for line in listed.stdout.splitlines()) == ["create_model", "destroy_model"]


def test_make_install_puts_the_libraries_where_the_experiment_wants_them(copied, tmp_path):
    make(copied, "install", f"PREFIX={tmp_path / 'area'}")
    assert {path.name for path in (tmp_path / "area" / "lib64").iterdir()} == {"ANOMALY_v1.so", "ANOMALY_v2.so"}
    make(copied, "clean")
    assert not list(copied.glob("*.so"))


def test_headers_of_an_experiment_are_taken_and_named_when_they_are_missing(copied, tmp_path):
    (copied / "stand-in").rename(tmp_path / "experiment")
    make(copied, "clean")
    place = tmp_path / "experiment"
    make(copied, "check", f"HLS_ROOT={place}", f"EMULATOR_EXTRAS={place}")
    make(copied, "clean")
    said = make(copied, f"HLS_ROOT={place}", code=2)
    assert "no stand-in/include/hls4ml/emulator.h: set EMULATOR_EXTRAS" in said
    said = make(copied, f"EMULATOR_EXTRAS={place}", code=2)
    assert "no stand-in/include/ap_fixed.h: set HLS_ROOT" in said
    assert not list(copied.glob("*.so"))


TOGETHER = """
#include <dlfcn.h>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>
#include "ANOMALY_v1/ANOMALY_v1.h"
#include "ANOMALY_v2/ANOMALY_v2.h"
#include "hls4ml/emulator.h"
using hls4mlEmulator::Model;
struct Loaded {
  void *handle; Model *(*create)(); void (*destroy)(Model *);
  Loaded(const char *path) : handle(dlopen(path, RTLD_LAZY | RTLD_LOCAL)) {
    if (!handle) { std::puts(dlerror()); _Exit(9); }
    create = (Model *(*)())dlsym(handle, "create_model"); destroy = (void (*)(Model *))dlsym(handle, "destroy_model");
  }
};
template <class I, class R> long long score(Model *m, I *in, R *out, long long (*word)(const R &)) {
  m->prepare_input(in); m->predict(); m->read_result(out); return word(*out);
}
int main() {
  ANOMALY_v1::input_t a[6]; ANOMALY_v1::result_t ra[1]; ANOMALY_v2::input_t b[6]; ANOMALY_v2::result_t rb[1];
  for (int i = 0; i < 6; ++i) { ANOMALY_v1::set_input(a[i], 100 * i - 250); ANOMALY_v2::set_input(b[i], 700 * i); }
  for (int order = 0; order < 2; ++order) {
    Loaded one("./ANOMALY_v1.so"), two("./ANOMALY_v2.so");
    Model *m1 = one.create(), *m2 = two.create(), *again = one.create();
    m1->prepare_input((const ANOMALY_v1::input_t *)a);
    m2->prepare_input(b); again->prepare_input(a);
    m2->predict(); m1->predict(); again->predict();
    m1->read_result(ra); m2->read_result(rb);
    std::printf("%lld %lld ", ANOMALY_v1::result_word(ra[0]), ANOMALY_v2::result_word(rb[0]));
    again->read_result(ra);
    std::printf("%lld\\n", ANOMALY_v1::result_word(ra[0]));
    one.destroy(again);
    if (order) { one.destroy(m1); dlclose(one.handle); two.destroy(m2); dlclose(two.handle); }
    else { two.destroy(m2); dlclose(two.handle);
           std::printf("%lld\\n", score(m1, a, ra, ANOMALY_v1::result_word)); one.destroy(m1); dlclose(one.handle); }
    if (dlopen("./ANOMALY_v1.so", RTLD_LAZY | RTLD_NOLOAD)) std::puts("still loaded");
  }
}
"""


def test_versions_in_one_process_do_not_disturb_each_other_and_unload_in_either_order(copied):
    ramp = np.arange(6)
    one = int(network(1).output_words((100 * ramp - 250)[None])[0, 0])
    two = int(network(2, signed=False).output_words((700 * ramp)[None])[0, 0])
    assert compiled(copied, TOGETHER) == (0, f"{one} {two} {one}\n{one}\n{one} {two} {one}\n")


MISUSE = """
#include <dlfcn.h>
#include <cstdio>
#include <stdexcept>
#include "ANOMALY_v1/ANOMALY_v1.h"
#include "hls4ml/emulator.h"
using hls4mlEmulator::Model;
template <class F> void attempt(F f) {
  try { f(); std::puts("accepted"); } catch (const std::exception &e) { std::puts(e.what()); }
}
int main() {
  void *library = dlopen("./ANOMALY_v1.so", RTLD_LAZY | RTLD_LOCAL);
  Model *m = ((Model *(*)())dlsym(library, "create_model"))();
  ANOMALY_v1::input_t in[6]; ANOMALY_v1::result_t out[1]; double values[6] = {};
  attempt([&] { m->predict(); });
  attempt([&] { m->prepare_input(values); });
  attempt([&] { m->prepare_input(std::any()); });
  attempt([&] { m->prepare_input(in); m->read_result(out); });
  attempt([&] { m->predict(); m->read_result(values); });
}
"""


def test_another_type_or_another_order_is_refused(copied):
    assert compiled(copied, MISUSE)[1].splitlines() == [
        "ANOMALY_v1: predict was called before prepare_input",
        *["ANOMALY_v1: prepare_input takes a pointer to 6 x ap_fixed<13,13,AP_RND_CONV,AP_SAT>"] * 2,
        "ANOMALY_v1: read_result was called before predict",
        "ANOMALY_v1: read_result takes a pointer to 1 x "
        + json.loads((copied / "ANOMALY_v1" / "record.json").read_text())["result"]["type"],
    ]


# Planted faults


def test_one_weight_bit_makes_the_check_fail(copied):
    source = copied / "ANOMALY_v1" / "circuit.h"
    text = source.read_text()
    weights = re.search(r"(c\d+\[24\] = \{\s+)\(?(-?\d+)\)?", text)
    source.write_text(text.replace(weights[0], f"{weights[1]}{int(weights[2]) ^ 1}", 1))
    said = make(copied, "check-ANOMALY_v1", code=2)
    assert re.search(r"vector \d+: -?\d+ instead of -?\d+", said)
    assert re.search(r"ANOMALY_v1\.so: [1-9]\d* of \d+ vectors differ, [1-9]\d* on 4 threads", said)


def test_a_stale_library_makes_the_check_fail(copied):
    shutil.copy(copied / "ANOMALY_v2.so", copied / "stale.so")
    make(copied, "check_ANOMALY_v1")
    done = subprocess.run(
        ["./check_ANOMALY_v1", "./stale.so", "ANOMALY_v1/vectors.txt"],
        cwd=copied,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2  # the types of the other version are refused
    assert "error: ANOMALY_v2: prepare_input takes a pointer to" in done.stderr


@pytest.mark.parametrize(
    ("library", "vectors", "said"),
    [
        (b"\x7fELF for another machine", None, "error: .*(invalid ELF header|file too short)"),
        (None, b"", "error: .* holds no events"),
        (None, b"1 2 3\n", "error: .* is damaged: a line is no event"),
        (None, b"1 2 3 4 5 six 7\n", "error: .* is damaged: a line is no event"),
    ],
)
def test_a_damaged_file_ends_the_check_with_2(copied, library, vectors, said):
    make(copied, "check_ANOMALY_v1")
    if library is not None:
        (copied / "ANOMALY_v1.so").write_bytes(library)
    if vectors is not None:
        (copied / "ANOMALY_v1" / "vectors.txt").write_bytes(vectors)
    command = ["./check_ANOMALY_v1", "./ANOMALY_v1.so", "ANOMALY_v1/vectors.txt"]
    done = subprocess.run(command, cwd=copied, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(said, done.stderr)


def test_a_package_that_differs_is_not_written(tmp_path, monkeypatch):
    healthy, circuit = package.event_code, network()
    table = circuit["table"]
    wrong = circuit.replace(replace(table, tables=table.tables ^ 1))
    monkeypatch.setattr(package, "event_code", lambda _, prefix: healthy(wrong, prefix))
    with pytest.raises(VerificationError, match=r"ANOMALY_v1 differs from the reference: .* vectors differ"):
        write(tmp_path / "ANOMALY", circuit)
    assert [path.name for path in tmp_path.iterdir()] == ["make.log"]


def test_a_failure_leaves_the_other_versions_as_they_were(copied, folder_content, monkeypatch):
    before = folder_content(copied)
    monkeypatch.setattr(package, "event_code", lambda *_: "int x = y;\n")
    with pytest.raises(ToolchainError, match="'y' was not declared"):
        write(copied, version=3)
    assert folder_content(copied) == before


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="make not found, which builds and checks the package: install it"):
        write(tmp_path / "ANOMALY")
    assert not (tmp_path / "ANOMALY").exists()


def test_a_library_for_another_processor_says_so(copied):
    if platform.machine() != "x86_64" or "avx5124fmaps" in Path("/proc/cpuinfo").read_text().replace("_", ""):
        pytest.skip("needs an x86-64 processor without the instructions of the Xeon Phi")
    (copied / "ANOMALY_v1.so").unlink()
    said = make(copied, "check-ANOMALY_v1", "CXXFLAGS=-O3 -fPIC -std=c++17 -mavx5124fmaps", code=2)
    assert "error: ANOMALY_v1 was built for a processor with avx" in said


# Refusals


def test_a_version_never_changes(copied, folder_content):
    before = folder_content(copied)
    with pytest.raises(ConfigError, match="has ANOMALY_v2 already, and a version never changes: give the next"):
        write(copied, version=2)
    assert folder_content(copied) == before


@pytest.mark.parametrize(("name", "version"), [("my model", 1), ("9x", 1), ("class-a", 2), ("", 1)])
def test_a_name_must_be_one_in_cpp(tmp_path, name, version):
    with pytest.raises(ConfigError, match=r"is no name of C\+\+"):
        write(tmp_path / "out", name=name, version=version)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(copied, tmp_path):
    with pytest.raises(ConfigError, match="holds versions of ANOMALY: name another folder for OTHER"):
        write(copied, name="OTHER")
    (tmp_path / "mine").mkdir()
    Path(tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match="is no package folder of l1ae"):
        write(tmp_path / "mine")


def test_several_inputs_or_outputs_do_not_fit_the_interface(tmp_path):
    nodes = network().nodes
    with pytest.raises(ConversionError, match="1 inputs and 2 outputs; use l1ae export --format c"):
        write(tmp_path / "ANOMALY", Circuit(nodes, ("relu", "score")))


def test_an_array_of_results_is_passed_whole(tmp_path):
    written = write(tmp_path / "ANOMALY", network(outputs=3))
    assert written.compared > 500
