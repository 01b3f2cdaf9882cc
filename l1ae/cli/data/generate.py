"""`l1ae data generate`."""

from pathlib import Path

import click


class _WithRecipes(click.Command):
    """Lists the recipes that l1ae ships at the end of its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from l1ae.events.generator.library import find_recipe, recipe_names

        with formatter.section("Recipes"):
            formatter.write_dl([(name, find_recipe(name).description) for name in recipe_names()])


@click.command("generate", cls=_WithRecipes, short_help="Generate events with Pythia 8 and FastJet.")
@click.argument("recipe")
@click.option("--events", type=click.IntRange(min=0), default=None, help="Background events; default: the recipe's.")
@click.option(
    "--signal-events", type=click.IntRange(min=0), default=None, help="Events of each signal; default: the recipe's."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, other events.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at the same time.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="HDF5 file to write.")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
def command(
    recipe: str, events: int | None, signal_events: int | None, seed: int, workers: int, out: Path, force: bool
) -> None:
    """Generate proton-proton events of RECIPE: the name of a recipe below, or a file like those in configs/recipes.

    The same recipe and seed give the same events, whatever the number of workers. An interrupted run goes on where it
    stopped when the command is repeated.

    \b
    Example: l1ae data generate zero-bias --events 10000 --workers 4 --out zero_bias.h5
    """
    from l1ae.events.generator import generate as make

    make(recipe, out, events=events, signal_events=signal_events, seed=seed, workers=workers, overwrite=force)
    click.echo(f"wrote {out}; look at it with: l1ae data info {out}")
