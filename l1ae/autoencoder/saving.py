"""Files of Keras models without dates and addresses: equal models make equal files."""

import json
import zipfile
from pathlib import Path
from typing import Any

#: The first date that a zip archive can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def save_model(model: Any, path: Path) -> None:
    """Save a Keras model as a `.keras` file."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(content["metadata.json"])
    metadata.pop("date_saved", None)
    content["metadata.json"] = json.dumps(metadata).encode()
    content["config.json"] = json.dumps(_renumbered(json.loads(content["config.json"]), {})).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)


def _renumbered(config: Any, known: dict[int, int]) -> Any:
    """The configuration with its shared objects counted 1, 2, 3 and so on instead of named by their addresses."""
    if isinstance(config, list):
        return [_renumbered(one, known) for one in config]
    if not isinstance(config, dict):
        return config
    found = {key: _renumbered(value, known) for key, value in config.items()}
    address = config.get("shared_object_id")
    if isinstance(address, int):
        found["shared_object_id"] = known.setdefault(address, len(known) + 1)
    return found
