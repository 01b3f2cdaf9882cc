"""What is emitted, and what is refused."""

import hashlib
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, FixedFormat, Input, Sum, lower
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError, DataError, RunFolderError
from l1ae.events.layout import LEPTON
from l1ae.hardware.hls import changed_files, emit, project
from l1ae.hardware.hls.provenance import file_digests
from l1ae.hardware.hls.sources import parse_types, read_sources

from .conftest import deployed, random_port_words


@pytest.fixture(scope="module")
def model():
    return deployed("variational", n=6, hidden=(4,), seed=7)


def write(model, folder, name="trigger", words=None, info=None, extras=(), **options):
    circuit = lower(model)
    return emit(
        circuit,
        FirmwareConfig(**options),
        name,
        folder,
        words=random_port_words(circuit, 20) if words is None else words,
        features=LEPTON.feature_names() if circuit.n_inputs == LEPTON.n_inputs else None,
        info=info,
        extras=extras,
    )


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_no_path_of_this_machine(model, tmp_path):
    folder = write(model, tmp_path / "project")
    for path, content in contents(folder).items():
        for place in (str(tmp_path), "site-packages", "/home/", "/root/", "/tmp/", "/usr/lib"):
            assert place.encode() not in content, f"{path} names {place}"
        assert not re.search(rb"""["'\s=]/[a-z]+/[\w./-]+""", content) or path.suffix in (".tcl", ".sh", ".h"), path


def test_nothing_on_the_terminal(model, tmp_path, capfd):
    write(model, tmp_path / "project", strategy="distributed_arithmetic")
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "project" / "hls4ml.log").is_file()


def test_same_model_same_files(model, tmp_path):
    first, second = (contents(write(model, tmp_path / name)) for name in ("one", "two"))
    assert first.keys() == second.keys()
    assert [path.name for path in first if first[path] != second[path]] in ([], ["provenance.json"])


def test_a_saved_model_gives_the_same_firmware(model, tmp_path):
    from l1ae.autoencoder.inference import load_model

    model.save(tmp_path / "model.keras")
    first, second = write(model, tmp_path / "one"), write(load_model(tmp_path / "model.keras"), tmp_path / "two")
    assert contents(first / "firmware") == contents(second / "firmware")


def test_provenance_is_complete(model, tmp_path):
    folder = write(model, tmp_path / "project", info={"run": "test"}, part="xc7vx690tffg1927-2", clock_ns=6.25)
    record = json.loads((folder / "provenance.json").read_text())
    assert record["info"] == {"run": "test"}
    assert record["firmware"]["part"] == "xc7vx690tffg1927-2"
    assert all(
        record["versions"][name] for name in ("python", "l1ae", "hls4ml", "qkeras-v3", "keras", "da4ml", "numpy")
    )
    assert set(record["files_sha256"]) == {path.as_posix() for path in contents(folder)} - {"provenance.json"}
    assert set(record["weights_sha256"]) == {"encoder_1", "code"}
    assert (record["inputs"], record["outputs"]) == (["words"], ["score"])
    by_layer = {layer["layer"]: layer for layer in record["layers"]}
    assert list(by_layer) == ["port", "scaled", "encoder_1_relu", "code_quantized", "score"]
    assert set(by_layer["code_quantized"]["types"]) == {"accum", "result", "weight", "bias"}
    types = parse_types((folder / "firmware" / "defines.h").read_text())
    assert by_layer["code_quantized"]["types"]["accum"] == str(types["code_accum_t"])
    assert by_layer["port"]["types"]["result"] == "ap_fixed<13,13,RND_CONV,SAT>"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*\+00:00", record["created"])


def test_what_is_hashed_of_the_weights(model, tmp_path):
    """As documented: the format, a zero byte, the words as little-endian 64-bit integers; kernel, then bias."""
    layer = lower(model)["code"]
    total = hashlib.sha256()
    for format_, words in ((layer.kernel_format, layer.kernel), (layer.bias_format, layer.bias)):
        total.update(str(format_).encode() + b"\0" + words.astype("<i8").tobytes())
    record = json.loads((write(model, tmp_path / "project") / "provenance.json").read_text())
    assert record["weights_sha256"]["code"] == total.hexdigest()


def test_the_circuit_is_part_of_the_project(model, tmp_path):
    folder = write(model, tmp_path / "project")
    assert Circuit.load(folder / "circuit.json") == lower(model)
    (folder / "circuit.json").write_text("{}")
    assert changed_files(folder) == ("circuit.json",)


def test_files_added_to_the_firmware_are_named_and_products_of_tools_are_not(model, tmp_path):
    folder = write(model, tmp_path / "project")
    (folder / "trigger_prj").mkdir()
    for product in ("trigger_prj/vitis.log", "tb_data/csim_results.log", "firmware/trigger-l1ae.so"):
        (folder / product).write_text("made")
    assert changed_files(folder) == ()
    for name in ("extra.cpp", "weights/w99.h"):
        (folder / "firmware" / name).write_text("")
    assert changed_files(folder) == ("firmware/extra.cpp", "firmware/weights/w99.h")


def test_the_rtl_project_inside_keeps_its_own_digests(model, tmp_path):
    folder = write(model, tmp_path / "project")
    known = read_sources(folder).digest()
    (folder / "rtl" / "src").mkdir(parents=True)
    (folder / "rtl" / "src" / "trigger.v").write_text("module trigger; endmodule")
    assert changed_files(folder) == ()
    assert read_sources(folder).digest() == known
    assert not any(name.startswith("rtl/") for name in file_digests(folder))


def test_extras_are_part_of_the_project(model, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    folder = write(model, tmp_path / "project", extras=[tmp_path / "model.keras"])
    assert (folder / "model.keras").read_bytes() == b"weights"
    assert "model.keras" in json.loads((folder / "provenance.json").read_text())["files_sha256"]
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ConversionError, match="a file of the project has this name"):
        write(model, tmp_path / "other", extras=[tmp_path / "README.md"])
    with pytest.raises(RunFolderError, match="cannot write"):
        write(model, tmp_path / "other", extras=[tmp_path / "missing"])
    assert not (tmp_path / "other").exists()


def test_adder_trees_carry_an_estimate(model, tmp_path):
    record = json.loads(
        (write(model, tmp_path / "p", strategy="distributed_arithmetic") / "provenance.json").read_text()
    )
    estimates = [layer["estimate"]["lut"] for layer in record["layers"] if "estimate" in layer]
    assert len(estimates) == 2
    assert min(estimates) > 0


def test_ports(model, tmp_path):
    sources = read_sources(write(model, tmp_path / "project"))
    assert (sources.input.name, sources.input.size, str(sources.input.format)) == (
        "words",
        6,
        "ap_fixed<13,13,RND_CONV,SAT>",
    )
    assert sources.output.size == 1
    header = (tmp_path / "project" / "firmware" / "weights" / "w5.h").read_text()
    assert "__SYNTHESIS__" not in header  # C simulation and synthesis read the same values


def test_trace_only_in_simulation(model, tmp_path):
    text = (write(model, tmp_path / "project") / "firmware" / "trigger.cpp").read_text()
    synthesised = re.sub(r"#ifndef __SYNTHESIS__.*?#endif", "", text, flags=re.DOTALL)
    assert "save_layer_output" in text
    assert "save_layer_output" not in synthesised


def test_readme_names_the_inputs(tmp_path):
    model = deployed("variational", n=57, hidden=(2,), latent=1)
    scaling = model.get_layer("scaling")
    text = (write(model, tmp_path / "project") / "README.md").read_text()
    assert f"| 1 | MET_eta | 25:13 | {scaling.offset[1]} | {scaling.shift[1]} |" in text
    assert "jet10_phi | 740:728" in text


@pytest.mark.parametrize(("backend", "command"), [("Vitis", "vitis-run --mode hls"), ("Vivado", "vivado_hls -f build")])
def test_readme_says_how_to_run_it(model, tmp_path, backend, command):
    text = (write(model, tmp_path / "project", backend=backend) / "README.md").read_text()
    assert f"\n\n    {command}" in text
    assert "{{" not in text


def test_test_bench_compares(model, tmp_path):
    folder = write(model, tmp_path / "project")
    command = [
        "g++",
        "-std=c++11",
        "-w",
        "-Ifirmware/ap_types",
        "firmware/trigger.cpp",
        "trigger_test.cpp",
        "-o",
        "bench",
    ]
    subprocess.run(command, cwd=folder, check=True)

    def bench():
        return subprocess.run(["./bench"], cwd=folder, capture_output=True, text=True, check=False)

    assert bench().returncode == 0
    assert "20 events, 0 differ" in bench().stdout
    expected = folder / "tb_data" / "tb_output_predictions.dat"
    rows = expected.read_text().splitlines()
    expected.write_text("\n".join([*rows[:7], repr(float(rows[7]) + 2**-8), *rows[8:]]))
    assert bench().returncode == 1
    assert "event 7" in bench().stdout
    expected.write_text("\n".join(rows[:5]))
    assert bench().returncode == 1


def test_own_project_is_replaced_and_a_foreign_folder_is_not(model, tmp_path):
    folder = write(model, tmp_path / "project")
    (folder / "old").write_text("gone afterwards")
    write(model, folder, strategy="distributed_arithmetic")
    assert not (folder / "old").exists()
    assert json.loads((folder / "provenance.json").read_text())["firmware"]["strategy"] == "distributed_arithmetic"
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    write(model, foreign)  # empty
    shutil.rmtree(foreign)
    foreign.mkdir()
    (foreign / "chapter1.tex").write_text("years of work")
    with pytest.raises(ConversionError, match="thesis exists and is no firmware project"):
        write(model, foreign)
    assert contents(foreign) == {next(iter(contents(foreign))): b"years of work"}
    (tmp_path / "file").write_text("")
    with pytest.raises(ConversionError, match="file exists"):
        write(model, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "project", "thesis"]


def test_link_is_followed(model, tmp_path):
    write(model, tmp_path / "project")
    (tmp_path / "link").symlink_to("project")
    write(model, tmp_path / "link", strategy="distributed_arithmetic")
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "project" / "provenance.json").read_text())["firmware"]["strategy"] != "latency"


@pytest.mark.parametrize("step", ["write_test_bench", "write_readme", "provenance", "replace_folder"])
@pytest.mark.parametrize("before", [False, True])
def test_interrupted_emit_leaves_no_half_project(model, tmp_path, monkeypatch, step, before):
    folder = tmp_path / "project"
    if before:
        write(model, folder)
    old = contents(folder)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(project, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(model, folder)
    assert contents(folder) == old
    assert [path.name for path in tmp_path.iterdir()] == (["project"] if before else [])


def test_folder_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write"):
        write(model, tmp_path / "file" / "project")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "virtex ultrascale"}, "is no part number"),
        ({"part": "xcvu13p; rm -rf"}, "is no part number"),
        ({"strategy": "distributed_arithmetic", "reuse_factor": 2}, "set it to 1"),
        ({"reuse_factor": 7}, "layer encoder_1; use one of 1, 2, 4, 8"),
        ({"name": "my-trigger"}, "project name 'my-trigger'"),
        ({"name": "double"}, "project name"),
    ],
)
def test_refused_options(model, tmp_path, options, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        write(model, tmp_path / "project", **options)
    assert not list(tmp_path.iterdir())


def test_parts_that_exist(model):
    from l1ae.hardware.hls.checks import check

    for part in (
        "xcvu13p-flga2577-2-e",
        "xc7vx690tffg1927-2",
        "xc7vx690t-ffg1927-2",
        "xcu250-figd2104-2L-e",
        "xcvc1902-vsva2197-2MP-e-S",
    ):
        check(lower(model), FirmwareConfig(part=part), "trigger")


def test_reuse_factor_that_fits(model, tmp_path):
    folder = write(model, tmp_path / "project", reuse_factor=4)
    assert "reuse_factor = 4;" in (folder / "firmware" / "parameters.h").read_text()


@pytest.mark.parametrize("words", [np.zeros((3, 5), dtype=int), np.zeros((0, 6), dtype=int), np.zeros((3, 6))])
def test_refused_stimulus(model, tmp_path, words):
    with pytest.raises(DataError, match="stimulus"):
        write(model, tmp_path / "project", words=words)


@pytest.mark.parametrize(("wide", "message"), [("in", "layer words: a port of 54"), ("out", "layer sum: a port of 57")])
def test_a_port_wider_than_a_double_is_refused(tmp_path, wide, message):
    """Neither the test bench nor the C simulation could show it."""
    width = {"in": 54, "out": 53}[wide]
    words = Input("words", (), (9,), FixedFormat(True, width, width))
    last = Sum("sum", ("words",), (1,), UNDECIDED)
    circuit = Circuit.derive([words, last])
    with pytest.raises(ConversionError, match=f"{message} bits.* up to 53 bits"):
        emit(circuit, FirmwareConfig(), "trigger", tmp_path / "project", words=random_port_words(circuit, 5))
    assert not list(tmp_path.iterdir())
