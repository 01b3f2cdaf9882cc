import os
import subprocess
import sys

import pytest

from l1ae.errors import DataError, L1aeError
from l1ae.terminal import Terminal, first_error, quiet


def test_what_libraries_write_goes_to_the_log_and_messages_to_the_terminal(tmp_path, capfd):
    with Terminal() as ui, quiet(tmp_path / "logs" / "stage.log"):
        os.write(1, b"chatter of a C library\n")
        os.write(2, b"warning of a C library\n")
        ui.say("[bold]progress")
    out, err = capfd.readouterr()
    assert out == "[bold]progress\n"
    assert err == ""
    assert (tmp_path / "logs" / "stage.log").read_text() == "chatter of a C library\nwarning of a C library\n"


def test_output_comes_back_after_a_failure_and_the_first_error_of_the_log_is_quoted(tmp_path, capfd):
    log = tmp_path / "stage.log"
    with (
        pytest.raises(L1aeError, match=r"ValueError: code.h:3: error: no member named x \(log: .*log\)"),
        quiet(log),
    ):
        os.write(2, b"compiling\ncode.h:3: error: no member named x\ncode.h:9: error: another\n")
        raise ValueError("Failed to compile")
    assert "Traceback" in log.read_text()
    os.write(1, b"heard again\n")
    assert capfd.readouterr().out == "heard again\n"


def test_an_error_that_an_earlier_command_left_in_the_log_is_not_quoted(tmp_path):
    log = tmp_path / "stage.log"
    log.write_text("old.h:1: error: mended since\n")
    with pytest.raises(L1aeError, match=r"ValueError: the new reason \(log: "), quiet(log):
        raise ValueError("the new reason")
    with pytest.raises(L1aeError, match=r"ValueError: new.h:2: error: no member"), quiet(log):
        os.write(2, b"new.h:2: error: no member\n")
        raise ValueError("failed")


def test_the_heading_of_a_stage_is_shown_as_it_is(capfd):
    with Terminal() as ui:
        ui.stage("convert: part [/bold] [red]")
    assert capfd.readouterr().out == "convert: part [/bold] [red]\n"


def test_an_explained_failure_passes_as_it_is(tmp_path):
    with pytest.raises(DataError, match="no such file"), quiet(tmp_path / "stage.log"):
        raise DataError("no such file")
    with pytest.raises(KeyboardInterrupt), quiet(tmp_path / "stage.log"):
        raise KeyboardInterrupt


def test_a_log_without_an_error_gives_none(tmp_path):
    (tmp_path / "log").write_text("fine\n")
    assert first_error(tmp_path / "log") is None
    assert first_error(tmp_path / "nothing") is None


def test_a_bar_is_silent_without_a_terminal(capfd):
    with Terminal() as ui, ui.progress("events", 3) as advance:
        advance(2, note="half")
    assert capfd.readouterr().out == ""


def test_a_process_without_output_can_still_talk_to_nobody():
    code = "from l1ae.terminal import Terminal; t = Terminal(); t.say('x')"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0
