"""Filling the files of the templates folder."""

from importlib import resources
from typing import Any

import jinja2


def render(template: str, **content: Any) -> str:
    """Fill a file of the templates folder."""
    text = resources.files("l1ae.hardware.rtl").joinpath("templates", template).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(text).render(**content)
