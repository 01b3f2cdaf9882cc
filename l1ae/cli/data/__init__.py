"""`l1ae data`: make event files, convert them, look at them."""

import click

from l1ae.cli.commands import Commands


@click.command("data", cls=Commands, package=__name__, modules=("generate", "convert", "info", "compare"))
def command() -> None:
    """Make event files, convert them, look at them.

    \b
    Example: l1ae data info sample
    """
