"""Seconds to generate events of each process of a recipe, on one core: RECIPE EVENTS POOL_EVENTS FOLDER JSON."""

import json
import sys
import time
from pathlib import Path

from l1ae.events.generator.chunks import make_chunk, start_worker
from l1ae.events.generator.generate import make_plan
from l1ae.events.generator.library import find_recipe

SEED = 1


def main(name: str, events: int, pool_events: int, folder: Path, record: Path) -> None:
    """Make one chunk of `events` accepted events of every process and write the seconds that each took.

    The pool and the decays are made before and not counted; the start of Pythia is.
    """
    start_worker(folder)
    recipe = find_recipe(name)
    recipe = recipe.model_copy(update={"pool": recipe.pool.model_copy(update={"events": pool_events})})
    counts = {process.name: events for process in recipe.processes}
    plan = make_plan(recipe, counts, SEED, events, folder)
    for chunk in plan.common:
        make_chunk(chunk)
    seconds = {}
    for chunk in plan.events:
        started = time.perf_counter()
        make_chunk(chunk)
        seconds[chunk.label] = time.perf_counter() - started
    facts = {"events": events, "seconds": seconds}
    record.write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
