"""Layouts by name or from a YAML file."""

from pathlib import Path

from l1ae.errors import ConfigError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout
from l1ae.records import load_record

#: The layouts that l1ae knows by name.
LAYOUTS = {"lepton": LEPTON, "global-trigger": GLOBAL_TRIGGER}


def load_layout(name: str) -> Layout:
    """The layout of that name, or the one in that YAML file; raises `ConfigError`."""
    if name in LAYOUTS:
        return LAYOUTS[name]
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"no layout {name}: neither one of {', '.join(LAYOUTS)} nor a YAML file")
    return load_record(path, Layout)
