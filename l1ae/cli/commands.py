"""Groups of commands, one file per command."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click


class Commands(click.Group):
    """Commands that lie in modules of `package` and are imported when they are called, so that `--help` starts at once.

    The module `name` holds the command `name` as `command`.
    """

    def __init__(self, *args: Any, package: str, modules: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._package, self._modules = package, tuple(modules)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None when there is none."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(f"{self._package}.{cmd_name}").command
        return command
