"""The JSON schema of `report.json`, for those who read reports without l1ae."""

import json
from pathlib import Path

from l1ae.files import write_text
from l1ae.report.record import RunReport


def schema_text() -> str:
    """The schema as it stands in docs/report-schema.json."""
    schema = RunReport.model_json_schema()
    return json.dumps(schema, indent=2) + "\n"


def write_schema(path: Path) -> None:
    """Write the schema; a test keeps the committed one current."""
    write_text(path, schema_text())
