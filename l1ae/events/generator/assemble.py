"""Finished chunks become one event set, with the record of how it was made."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from l1ae import environment
from l1ae.events.generator.chunks import EVENT_ARRAYS, Chunk
from l1ae.events.generator.crossings import Tally
from l1ae.events.generator.recipes import Recipe
from l1ae.events.schema import EventSet

#: Generated events of a process that have ids of their own.
ID_BLOCK = 2**32


@dataclass
class _Total:
    """What the chunks of one process add up to; `pb_tried`: sum of cross-section (pb) times tried events."""

    events: int = 0
    independent: int = 0
    generated: int = 0
    tried: float = 0.0
    accepted: int = 0
    pb_tried: float = 0.0

    @property
    def efficiency(self) -> float:
        """Accepted events among unweighted ones."""
        return self.accepted / self.tried

    @property
    def cross_section(self) -> float:
        """Leading-order cross-section in pb, before any filter."""
        return self.pb_tried / self.tried


def assemble(
    recipe: Recipe, seed: int, versions: dict[str, str], pool: Sequence[Chunk], chunks: Sequence[Chunk]
) -> EventSet:
    """All events in a seeded random order; events that come from one generated event have the same id."""
    names = tuple(process.name for process in recipe.processes)
    totals = {name: _Total() for name in names}
    laid = np.zeros(2)
    parts = []
    for chunk in sorted(chunks, key=lambda chunk: (names.index(chunk.label), chunk.index)):
        code, total = names.index(chunk.label), totals[chunk.label]
        with np.load(chunk.path) as file:
            words, origin, pile_up, tally = (file[name] for name in EVENT_ARRAYS)
        took = Tally(*tally.tolist())
        identity = first_id(recipe, seed, code) + (origin + total.independent).astype(np.uint64)
        process = np.full(len(words), code, dtype=np.uint8)
        parts.append(EventSet(words, process, names, identity, pile_up=pile_up))
        total.events += len(words)
        total.independent += int(origin.max()) + 1
        total.generated += int(took.generated)
        total.tried += took.tried
        total.accepted += int(took.accepted)
        total.pb_tried += took.cross_section_pb * took.tried
        laid += [took.soft, took.hard]
    events = EventSet.concatenate(parts)
    order = np.random.default_rng([seed, zlib.crc32(b"order")]).permutation(len(events))
    metadata = _recipe_notes(recipe, seed, versions) | _yield_notes(recipe, totals) | _pile_up_notes(recipe, pool, laid)
    return replace(events.take(order), metadata=metadata)


def first_id(recipe: Recipe, seed: int, code: int) -> np.uint64:
    """Id of the first generated event of a process; other recipes or seeds have other ids (24 bits of hash).

    Without the two a file of one seed and one of another would seem to hold copies of the same events.
    """
    usual = {"description", "default_events", "default_signal_events"}  # they change no event
    sample = zlib.crc32(f"{recipe.model_dump_json(exclude=usual)} {seed}".encode()) & 0xFFFFFF
    return np.uint64((sample << 40) + code * ID_BLOCK)


def _recipe_notes(recipe: Recipe, seed: int, versions: dict[str, str]) -> dict[str, str]:
    """What was asked for."""
    energy = [switch.split("=")[1].split()[0] for switch in recipe.pythia.common if switch.startswith("Beams:eCM")]
    weighted = {process.name: process.weighted.model_dump() for process in recipe.processes if process.weighted}
    return {
        "recipe": recipe.name,
        "description": recipe.description,
        "seed": str(seed),
        "l1ae": environment.versions()["l1ae"],
        **versions,
        "collisions": f"proton-proton, {float(energy[-1]) / 1000:g} TeV, leading order" if energy else "proton-proton",
        "background_processes": ",".join(process.name for process in recipe.backgrounds),
        "signal_processes": ",".join(process.name for process in recipe.signals),
        "mixture": json.dumps({process.name: process.share for process in recipe.backgrounds}),
        "lepton_filter": recipe.lepton_filter.model_dump_json() if recipe.lepton_filter else "none",
        "switches": json.dumps({process.name: process.switches for process in recipe.processes}),
        "common_switches": json.dumps(recipe.pythia.common),
        "hard_process_switches": json.dumps(recipe.pythia.hard),
        "minimum_bias_switches": json.dumps(recipe.pythia.minimum_bias),
        "hard_collision_switches": json.dumps(recipe.pythia.hard_collision),
        "weighted": json.dumps(weighted),
        "detector": recipe.detector.model_dump_json(),
        "fakes": _fake_note(recipe),
    }


def _yield_notes(recipe: Recipe, totals: dict[str, _Total]) -> dict[str, str]:
    """What came out, process by process."""
    made = {name: total for name, total in totals.items() if total.events}
    hard = {name: total for name, total in made.items() if total.pb_tried}
    visible = {name: total.cross_section * total.efficiency for name, total in hard.items()}
    backgrounds = [process.name for process in recipe.backgrounds if process.name in visible]
    together = sum(visible[name] for name in backgrounds)
    return {
        "events": json.dumps({name: total.events for name, total in totals.items()}),
        "independent_events": json.dumps({name: total.independent for name, total in totals.items()}),
        "generated": json.dumps({name: total.generated for name, total in totals.items()}),
        "filter_efficiency": json.dumps({name: _rounded(total.efficiency) for name, total in made.items()}),
        "cross_section_pb": json.dumps({name: _rounded(total.cross_section) for name, total in hard.items()}),
        "visible_cross_section_pb": json.dumps({name: _rounded(value) for name, value in visible.items()}),
        "predicted_mixture": json.dumps({name: _rounded(visible[name] / together) for name in backgrounds}),
        "copies_left_out": json.dumps(
            {name: total.accepted - total.events for name, total in made.items() if total.accepted > total.events}
        ),
        "reuse": "events that come from one generated collision (with other decays of its heavy hadrons) have the same "
        "event id; the soft collisions of the pile-up pool are used again and again; nothing else is used twice",
    }


def _pile_up_notes(recipe: Recipe, chunks: Sequence[Chunk], laid: np.ndarray) -> dict[str, str]:
    """How the other collisions of the crossings were made."""
    counts = np.zeros(3, dtype=np.int64)
    for chunk in chunks:
        with np.load(chunk.path) as file:
            counts += file["counts"]
    generated, with_jet, with_lepton = counts.tolist()
    pool, pile_up = recipe.pool, recipe.pile_up
    return {
        "pile_up": f"Poisson, mean {pile_up.mean:g}" if pile_up.mean is not None else "Poisson, mean from the profile",
        "pile_up_count": "collisions of the pile-up in the crossing of each event, those of the underlying event not "
        "counted",
        "pile_up_profile": json.dumps(dict(zip(map(str, pile_up.means), pile_up.probabilities, strict=True))),
        "underlying_event": f"{pile_up.underlying_events} more collisions of the same kind, in place of the hard "
        "process' multi-parton interactions",
        "pile_up_pool": f"{pool.events} minimum-bias events with multi-parton interactions, drawn with replacement, "
        f"turned by a random angle, mirrored in eta at random. Left out of {generated}: {with_jet} with a jet above "
        f"{pool.veto_jet_gev:g} GeV, {with_lepton} more with an electron or muon above {pool.veto_lepton_gev:g} GeV. "
        f"A collision of the pile-up is one with such a jet with probability {with_jet / generated:.5f} and then made "
        "for its one event. Electrons and muons above the limit are missing from the rest of the pile-up",
        "pile_up_pool_reuse": f"each pool event is used {laid[0] / pool.events:.1f} times on average",
        "pile_up_hard_collisions": f"{laid[1]:.0f}, each used once",
    }


def _fake_note(recipe: Recipe) -> str:
    names = [process.name for process in recipe.processes if process.weighted is not None and process.weighted.fakes]
    if not names:
        return "none"
    return (
        f"in {', '.join(names)}: each of the {recipe.detector.fake_jets} hardest jets of the hard collision is taken "
        f"for an electron with probability {recipe.detector.electron_fake_rate:g} and for a muon with "
        f"{recipe.detector.muon_fake_rate:g}; those of the pile-up, and in other processes those beside a real lepton, "
        "are neglected"
    )


def _rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
