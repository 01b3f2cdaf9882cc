"""The compiled project as an object: shapes, types, cache, errors."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from l1ae.errors import ConversionError, DataError, ToolchainError
from l1ae.hardware.hls import CSimulation, csim

from .conftest import deployed, random_words


@pytest.fixture(scope="module")
def model():
    return deployed("variational", n=6, hidden=(4,), seed=7)


@pytest.fixture(scope="module")
def healthy(model, emitted):
    return emitted(model, "healthy-latency", strategy="latency")


@pytest.fixture(scope="module")
def simulation(healthy, cache):
    return CSimulation.build(healthy, cache=cache)


def test_shapes_and_types(model, simulation):
    words = random_words(model, 5_003)
    scores = simulation.scores(words)
    assert (scores.shape, scores.dtype) == ((5_003, 1), np.int64)
    for same in (words.astype(np.int16), words.astype(np.float32), words[:, ::-1][:, ::-1], words.tolist()):
        np.testing.assert_array_equal(simulation.scores(same), scores)
    assert simulation.predict(words[0]).shape == (1, 1)
    np.testing.assert_array_equal(simulation.predict(words[:1]), simulation.predict(words[0]))
    assert simulation.scores(words[:0]).shape == (0, 1)
    np.testing.assert_array_equal(np.ldexp(scores, -simulation.fractions["score"]), simulation.predict(words))


def test_chunks_workers_and_progress(model, simulation):
    words = random_words(model, 5_003)
    done = []
    np.testing.assert_array_equal(
        simulation.scores(words, workers=1, progress=done.append), simulation.scores(words, workers=4)
    )
    assert done == [2_000, 4_000, 5_003]
    done.clear()
    traced = simulation.trace(words, progress=done.append)
    assert done == [2_000, 4_000, 5_003]
    np.testing.assert_array_equal(traced["score"], simulation.scores(words))
    assert traced["encoder_1_relu"].shape == (5_003, 4)
    assert set(traced) == set(simulation.formats)


def test_refused_inputs(simulation):
    for values, message in (
        (np.zeros((3, 5)), "takes"),
        (np.full((1, 6), np.nan), "NaN"),
        (np.zeros((1, 1, 6)), "takes"),
    ):
        with pytest.raises(DataError, match=message):
            simulation.predict(values)


def test_library_is_built_once_and_never_stale(healthy, simulation, cache, tmp_path, monkeypatch):
    def forbidden(*_):
        raise AssertionError("built again")

    monkeypatch.setattr(csim, "_compile", forbidden)
    assert CSimulation.build(healthy, cache=cache).library == simulation.library
    for file in ("firmware/weights/w5.h", "firmware/defines.h", "firmware/ap_types/ap_fixed.h", "trigger_bridge.cpp"):
        copy = tmp_path / "copy"
        shutil.copytree(healthy, copy)
        assert CSimulation.build(copy, cache=cache).library == simulation.library
        (copy / file).write_text((copy / file).read_text() + "\n")
        with pytest.raises(AssertionError, match="built again"):
            CSimulation.build(copy, cache=cache)
        shutil.rmtree(copy)


def test_two_projects_in_one_process(model, simulation, emitted, cache):
    """Both libraries hold symbols such as w5; none may see those of the other."""
    other_model = deployed("variational", n=6, hidden=(4,), seed=8)
    other = CSimulation.build(emitted(other_model, "other", strategy="latency"), cache=cache)
    words = random_words(model, 500)
    before = simulation.scores(words)
    assert (other.scores(words) != before).any()
    np.testing.assert_array_equal(simulation.scores(words), before)


def test_no_compiler(healthy, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"g\+\+ not found: install it"):
        CSimulation.build(healthy, cache=tmp_path / "cache")


def test_compiler_error_names_log_and_first_line(healthy, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(healthy, broken)
    source = broken / "firmware" / "trigger.cpp"
    source.write_text(source.read_text().replace("nnet::dot1d", "nnet::cross3d"))
    log = tmp_path / "logs" / "csim.log"
    with pytest.raises(ToolchainError, match=r"trigger\.cpp.* error: .*cross3d.*csim\.log"):
        CSimulation.build(broken, cache=tmp_path / "cache", log=log)
    assert "cross3d" in log.read_text()
    assert not list((tmp_path / "cache").iterdir())


def test_interrupted_build_leaves_nothing(healthy, tmp_path, monkeypatch):
    run = csim.subprocess.run

    def interrupt(command, **options):
        if "--version" in command:
            return run(command, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(csim.subprocess, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        CSimulation.build(healthy, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_edit_during_the_build_is_seen(healthy, tmp_path, monkeypatch):
    copy, run = tmp_path / "copy", csim.subprocess.run
    shutil.copytree(healthy, copy)

    def edit(command, **options):
        if "--version" in command:
            return run(command, **options)
        (copy / "firmware" / "defines.h").write_text("")
        return csim.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(csim.subprocess, "run", edit)
    with pytest.raises(ToolchainError, match="edited while"):
        CSimulation.build(copy, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_no_project(tmp_path):
    with pytest.raises(ConversionError, match="emit one first"):
        CSimulation.build(tmp_path)


@pytest.mark.parametrize("file", ["firmware/defines.h", "firmware/trigger.h", "provenance.json"])
def test_damaged_project(healthy, tmp_path, cache, file):
    broken = tmp_path / "broken"
    shutil.copytree(healthy, broken)
    (broken / file).write_text("{}")
    with pytest.raises(ConversionError):
        CSimulation.build(broken, cache=cache)


def test_words_too_wide_for_doubles_are_refused(simulation):
    port = simulation.sources.output
    wide = replace(simulation.sources, outputs=(replace(port, format=replace(port.format, width=60)),))
    with pytest.raises(ToolchainError, match="53 bits"):
        replace(simulation, sources=wide).scores(np.zeros((1, 6), dtype=int))


def test_other_ap_types_take_the_place_of_those_of_the_project(model, healthy, simulation, cache, tmp_path):
    """Such as the public HLS_arbitrary_Precision_Types, which have their headers in include/."""
    public = tmp_path / "public"
    shutil.copytree(healthy / "firmware" / "ap_types", public / "include")
    (public / "include" / "hls_stream.h").unlink()  # no such type: it comes from the project
    words = random_words(model, 500)
    same = CSimulation.build(healthy, cache=cache, ap_types=public)
    assert same.library != simulation.library
    np.testing.assert_array_equal(same.scores(words), simulation.scores(words))
    assert CSimulation.build(healthy, cache=cache, ap_types=public / "include").library == same.library


def test_a_fault_in_other_ap_types_is_seen(model, healthy, simulation, cache, tmp_path):
    """Half-even rounding that forgets the even: the key of the cache tells these headers apart too."""
    broken = tmp_path / "broken"
    shutil.copytree(healthy / "firmware" / "ap_types", broken)
    base = broken / "ap_fixed_base.h"
    text = base.read_text()
    changed = text.replace("_AP_ROOT_op_get_bit(Base::V, 0) || r", "true")
    assert changed != text
    base.write_text(changed)
    words = random_words(model, 2_000)
    other = CSimulation.build(healthy, cache=cache, ap_types=broken)
    assert (other.scores(words) != simulation.scores(words)).any()


def test_incomplete_ap_types_are_refused(healthy, tmp_path):
    with pytest.raises(ToolchainError, match=r"empty holds no ap_fixed\.h"):
        CSimulation.build(healthy, cache=tmp_path / "cache", ap_types=tmp_path / "empty")
    some = tmp_path / "some"
    some.mkdir()
    shutil.copy(healthy / "firmware" / "ap_types" / "ap_fixed.h", some)  # nothing is borrowed from the project
    with pytest.raises(ToolchainError, match=r"g\+\+ failed.*ap_common\.h"):
        CSimulation.build(healthy, cache=tmp_path / "cache", ap_types=some)
