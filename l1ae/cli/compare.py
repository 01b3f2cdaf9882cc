"""`l1ae compare`."""

from pathlib import Path

import click

from l1ae.cli.options import names, read_run


class _Typed(click.Command):
    """A command that remembers what was typed, for documents that say how they were made."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["l1ae.typed"] = tuple(args)
        return super().parse_args(ctx, args)


@click.command("compare", cls=_Typed, short_help="One table over many runs: physics, exactness, cost.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--signals", callback=names, metavar="NAME,...", help="Only these signals; default all of the runs.")
@click.option("--sort", metavar="COLUMN", default=None, help="Order of the runs, best first; default as given.")
@click.option("--mixed", is_flag=True, help="Let runs on different events share the table, with a column that says so.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Write all numbers here.")
@click.option("--markdown", type=click.Path(path_type=Path), default=None, help="Write the tables as Markdown here.")
@click.option("--html", type=click.Path(path_type=Path), default=None, help="Write tables and plots as a page here.")
@click.pass_context
def command(
    ctx: click.Context,
    runs: tuple[str, ...],
    signals: tuple[str, ...],
    sort: str | None,
    mixed: bool,
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
) -> None:
    """Compare finished runs by their reports; nothing is computed again. (For event files: l1ae data compare.)

    A RUN is a run folder, or a report.json. Runs that differ only in the seed of the training share a row, with mean
    and spread. Baselines follow below. The page also shows physics against cost.

    COLUMN is name, kind, AUC (its mean), a signal (its AUC), SIGNAL@1e-4 (its TPR), LUT or another cost, parameters,
    weight bits, zero weights.

    \b
    Example: l1ae compare runs/dense_ae runs/dense_vae --sort AUC --html models.html
    """
    import shlex

    from l1ae.files import write_text
    from l1ae.report.comparison import compare_runs, ordered
    from l1ae.report.comparison_table import summarise_comparison, write_markdown
    from l1ae.terminal import Terminal

    typed = shlex.join(["l1ae", "compare", *ctx.meta["l1ae.typed"]])
    comparison = compare_runs([read_run(path) for path in runs], typed, signals=signals, mixed=mixed)
    if sort is not None:
        comparison = ordered(comparison, sort)
    with Terminal() as ui:
        ui.console.print(summarise_comparison(comparison))
        if json_file is not None:
            write_text(json_file, comparison.model_dump_json(indent=2) + "\n")
            ui.say(f"  {json_file}")
        if markdown is not None:
            write_markdown(markdown, comparison)
            ui.say(f"  {markdown}")
        if html is not None:
            from l1ae.report.comparison_page import write_comparison_page  # matplotlib takes a second to import

            write_comparison_page(html, comparison)
            ui.say(f"  {html}")
