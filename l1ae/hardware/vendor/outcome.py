"""What became of the vendor's flow, as a record for the report: figures per design, verdicts, steps, notes."""

from pathlib import Path
from typing import Literal

import pydantic

from l1ae.errors import RunFolderError
from l1ae.files import write_text
from l1ae.hardware.figures import HardwareFigure
from l1ae.hardware.vendor.figures import figures
from l1ae.hardware.vendor.records import VendorReports, Verdict
from l1ae.records import Record

#: Which of the two projects of a circuit: the C++ of hls4ml, or the Verilog of l1ae.
Design = Literal["HLS project", "RTL project"]


class StepRecord(Record):
    """A step of the flow: the program that ran it, how it ended, and where what it said lies, beside the record."""

    step: str
    command: str
    status: Literal["done", "failed"]
    log: str


class DesignRecord(Record):
    """The vendor's flow of one design.

    `circuit_sha256`: of the circuit that it was made from, None for reports from elsewhere, which do not say.
    `co_simulation`, `timing_met`: None where no report says.
    """

    design: Design
    circuit_sha256: str | None
    source: str
    steps: tuple[StepRecord, ...] = ()
    co_simulation: Verdict | None = None
    timing_met: bool | None = None
    figures: tuple[HardwareFigure, ...] = ()
    notes: tuple[str, ...] = ()


class VendorRecord(Record):
    """What vendor.json holds: at most one entry per design."""

    designs: tuple[DesignRecord, ...] = ()

    @property
    def figures(self) -> tuple[HardwareFigure, ...]:
        """The figures of all designs; the note of each begins with its design."""
        return tuple(figure for design in self.designs for figure in design.figures)

    def current(self, circuit_sha256: str | None) -> "VendorRecord":
        """Without the designs that are known to be made from another circuit."""
        kept = (one for one in self.designs if one.circuit_sha256 in (None, circuit_sha256))
        return VendorRecord(designs=tuple(kept))

    def with_design(self, design: DesignRecord) -> "VendorRecord":
        """With this entry in the place of the former one of the same design."""
        others = (one for one in self.designs if one.design != design.design)
        return VendorRecord(designs=tuple(sorted((*others, design), key=lambda one: one.design)))


def design_record(
    design: Design,
    reports: VendorReports,
    *,
    source: str,
    circuit_sha256: str | None = None,
    steps: tuple[StepRecord, ...] = (),
) -> DesignRecord:
    """The entry of a design from the reports of its flow; `source` names where they lie."""
    simulated = reports.co_simulation
    return DesignRecord(
        design=design,
        circuit_sha256=circuit_sha256,
        source=source,
        steps=steps,
        co_simulation=None if simulated is None else simulated.verdict,
        timing_met=reports.timing_met,
        figures=figures(reports, design),
        notes=reports.notes,
    )


def read_vendor(file: Path) -> VendorRecord:
    """What vendor.json says, an empty record when there is none; raises `RunFolderError` when it is damaged."""
    try:
        return VendorRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return VendorRecord()
    except (OSError, pydantic.ValidationError) as error:
        raise RunFolderError(f"{file} is damaged or of another version of l1ae: remove it, then l1ae build") from error


def write_vendor(file: Path, record: VendorRecord) -> None:
    """Write vendor.json, whole or not at all."""
    write_text(file, record.model_dump_json(indent=1) + "\n")
