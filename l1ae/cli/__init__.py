"""The command line: `main` turns every explained failure into one line and an exit code."""

import sys

import click

from l1ae.cli.commands import Commands
from l1ae.errors import L1aeError


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"l1ae {version('l1ae')}")
        ctx.exit()


@click.command(
    cls=Commands,
    package=__name__,
    modules=(
        "run",
        "train",
        "convert",
        "verify",
        "rtl",
        "build",
        "report",
        "evaluate",
        "monitor",
        "compare",
        "encode",
        "emulate",
        "export",
        "package",
        "generate",
        "data",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def commands() -> None:
    """Quantized autoencoders for Level-1 triggers: from events to firmware that is proved bit for bit.

    \b
    l1ae run configs/dense_ae.yaml      everything, in order
    l1ae verify runs/dense_ae           the proof again
    """
    from l1ae.environment import check_qkeras

    check_qkeras()


def main(arguments: list[str] | None = None) -> None:
    """Run a command; exits with 0, 1 (firmware or samples differ), 2 (the user can mend it) or 130 (interrupted)."""
    try:
        commands.main(arguments, prog_name="l1ae", standalone_mode=False)
        code = 0
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "l1ae: interrupted; run, train, emulate and data generate continue where they stopped",
            err=True,
        )
        code = 130
    except L1aeError as error:
        click.echo(f"l1ae: error: {error}", err=True)
        code = error.exit_code
    except OSError as error:
        click.echo(f"l1ae: error: {error.filename or 'file'}: {error.strerror or error}", err=True)
        code = 2
    sys.exit(code)
