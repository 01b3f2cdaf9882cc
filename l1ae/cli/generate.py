"""`l1ae generate`."""

from pathlib import Path

import click

from l1ae.cli.options import FORCE, RUN


@click.command("generate", short_help="Sample events from the decoder of a run (data generate: simulate collisions).")
@RUN
@click.option("--events", type=click.IntRange(min=1), default=10000, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, other events.")
@click.option(
    "--from-data", is_flag=True, help="Codes of the background's test events, slightly moved, not the prior's."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="HDF5 file; default NAME_generated.h5, here."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Write all results as JSON.")
@click.option(
    "--html", type=click.Path(path_type=Path), default=None, help="Write a page with distributions and tests."
)
@click.option("--top", type=click.IntRange(min=1), default=15, show_default=True, help="Rows of the table.")
@FORCE
def command(
    run: Path,
    events: int,
    seed: int,
    from_data: bool,
    out: Path | None,
    json_file: Path | None,
    html: Path | None,
    top: int,
    force: bool,
) -> None:
    """Sample events from the trained decoder of a variational RUN, in integers, and compare them with true ones.

    Codes are drawn from the prior of the training, or with --from-data near those of true events, which every kind of
    autoencoder with a decoder can do. What comes out is what the network has learned, not physics: to simulate
    proton-proton collisions use `l1ae data generate`. The file is an ordinary event file with the process `generated`.

    \b
    Example: l1ae generate runs/dense_vae --events 20000 --out generated.h5 --html generated.html
    """
    from l1ae.coding import Coder, check_output
    from l1ae.events.compare import table
    from l1ae.files import write_text
    from l1ae.runs import RunFolder
    from l1ae.samples import Samples
    from l1ae.sampling import Generated, Sampler, compared, generate, prior
    from l1ae.sampling import from_data as codes_of_data
    from l1ae.terminal import Terminal

    coder = Coder.open(RunFolder.open(run))
    samples = Samples.open(coder.run.config.data)
    sampler = Sampler.of(coder, samples)
    name = coder.run.config.name
    target = check_output(out or Path(f"{name}_generated.h5"), force, samples.paths)
    background = samples.background_events("test")
    with Terminal() as ui:
        if from_data:
            with ui.progress("codes", background) as advance:
                source = codes_of_data(coder, samples, advance)
        else:
            source = prior(coder)
        with ui.progress("events", events) as advance:
            made, saturated = generate(sampler, source, target, events=events, seed=seed, advance=advance)
        with ui.progress("true events", background) as advance:
            comparison, true = compared(made, samples, advance)
        found = Generated(
            run=name,
            circuit_sha256=coder.sha256,
            seed=seed,
            events=events,
            codes=source.text,
            code_format=str(coder.code),
            saturated=saturated,
            softest_gev=sampler.inverse.softest_gev(),
            unseen=sampler.unseen,
            comparison=comparison,
        )
        ui.say(f"  codes: {source.text}; {100 * saturated:.2g} % of the words saturate {coder.code}")
        ui.console.print(table(comparison, "ks", top))
        ui.say(f"  {found.verdict}")
        for note in (*found.notes, *comparison.warnings()):
            ui.say(f"  note: {note}")
        if json_file is not None:
            write_text(json_file, found.model_dump_json(indent=2) + "\n")
            ui.say(f"  {json_file}")
        if html is not None:
            from l1ae.report.samples_page import write_samples_page

            write_samples_page(html, f"{name}: generated events", found.sentences, comparison, (true, made))
            ui.say(f"  {html}")
        ui.say(f"  {target}: {events:,} events; look at it with: l1ae data info {target}")
