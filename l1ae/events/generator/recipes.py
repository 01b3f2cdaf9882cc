"""Recipes: which processes a sample holds, how Pythia makes them, which events are kept, what the detector is like.

A recipe is a YAML file (`configs/recipes/`). It holds every number that decides which events come out of a seed; the
code has no second copy of them.
"""

import math
from typing import Annotated

import pydantic
from pydantic import Field

from l1ae.records import Record

_Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+-]*$")]
_Switches = tuple[Annotated[str, Field(pattern=r"^[^=\n]+=[^=\n]+$")], ...]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Collisions = Annotated[float, Field(ge=0, le=60_000)]  # events keep their number in 16 bits
_Fraction = Annotated[float, Field(ge=0, le=1)]


class Weighted(Record):
    """Generation with a bias to high pT, made even again: an event of weight w is tried Poisson(`tries` * w) times.

    `tries`: tries of a generated event of weight 1. `keep_light`: share of the hard processes without an outgoing c or
    b quark that is generated; their weights rise accordingly. `hadrons`: PDG codes of the weakly decaying hadrons that
    decay anew in each try. `decays`: decays at rest of each of them in the table that the tries draw from. `fakes`:
    whether jets fake leptons, at the rates of the detector. `max_copies`: most accepted events from one generated
    event; a large weight and a lepton that does not come from a heavy hadron would make hundreds of nearly equal ones.
    """

    tries: _Positive
    keep_light: Annotated[float, Field(gt=0, le=1)]
    hadrons: Annotated[tuple[Annotated[int, Field(gt=100)], ...], Field(min_length=1)]
    decays: Annotated[int, Field(ge=1, le=100_000)]
    fakes: bool
    max_copies: Annotated[int, Field(ge=1)]


class Process(Record):
    """One process: its name, its Pythia switches, its share of the background (0: a signal).

    Without switches there is nothing but pile-up. `weighted`: how its events are weighted (None: Pythia's events are
    taken as they come). `displaced`: whether particles start where they are produced instead of in the middle of the
    detector.
    """

    name: _Name
    switches: _Switches
    share: _Fraction = 0.0
    weighted: Weighted | None = None
    displaced: bool = False

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "Process":
        if self.weighted is not None and (self.displaced or not self.switches):
            raise ValueError(f"process {self.name}: only a prompt process with switches can be weighted")
        return self


class Switches(Record):
    """Pythia's switches beside those of the processes.

    `common`: for every Pythia. `hard`: for the processes. `minimum_bias`: for the events of the pile-up pool.
    `hard_collision`: for the pile-up collisions with a jet above the veto of the pool.
    """

    common: _Switches
    hard: _Switches
    minimum_bias: _Switches
    hard_collision: _Switches


class PileUp(Record):
    """Collisions of a bunch crossing: Poisson, its mean fixed (`mean`) or drawn for each event (`profile`).

    `profile`: pairs of a mean and its weight. `underlying_events`: collisions laid over a hard process beside the
    Poisson number, in place of its multi-parton interactions.
    """

    mean: _Collisions | None = None
    profile: tuple[tuple[_Collisions, _Positive], ...] = ()
    underlying_events: Annotated[int, Field(ge=0, le=10)]

    @pydantic.model_validator(mode="after")
    def _one_of_two(self) -> "PileUp":
        if (self.mean is None) == (not self.profile):
            raise ValueError("give either a mean or a profile of pairs [mean, weight]")
        return self

    @property
    def means(self) -> tuple[float, ...]:
        """The mean numbers of collisions that occur."""
        return (self.mean,) if self.mean is not None else tuple(mean for mean, _ in self.profile)

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Share of the events that have each of the `means`."""
        weights = [1.0] if self.mean is not None else [weight for _, weight in self.profile]
        return tuple(weight / sum(weights) for weight in weights)


class Pool(Record):
    """`events` minimum-bias collisions, made once and laid over all events again and again.

    Left out: collisions with an anti-kT jet (of radius `jet_radius`) above `veto_jet_gev`, whose place in the pile-up
    is taken by collisions that are used once, and those with an electron or muon above `veto_lepton_gev`. To save time
    the generation of such a collision is given up when its shower has come down to `parton_scale_gev` without a jet of
    partons above `parton_jet_gev`.
    """

    events: Annotated[int, Field(ge=1)]
    jet_radius: _Positive
    veto_jet_gev: _Positive
    veto_lepton_gev: _Positive
    parton_scale_gev: _Positive
    parton_jet_gev: _Positive


class LeptonFilter(Record):
    """Keep events whose leading listed (isolated) electron or muon has a pT above `min_pt`, in GeV.

    `particle_*`: a test before the detector step that saves time: the particle's pT, and the limit of the isolation sum
    in units of this pT plus a constant in GeV.
    """

    min_pt: _Positive
    particle_pt: _Positive
    particle_isolation: _NotNegative
    particle_isolation_offset: _NotNegative


class Detector(Record):
    """Constants of the detector step; energies in GeV, resolutions relative, lengths in mm.

    Calorimeter: sigma(E)/E = stochastic/sqrt(E) (+) constant. Muons: sigma(pT)/pT = constant (+) slope * pT. (+) is a
    sum in quadrature. Fakes: rates per jet among the `fake_jets` hardest of the hard collision, and the range of the
    lepton's pT in units of the jet's, both before the detector step.
    """

    em_stochastic: _NotNegative
    em_constant: _NotNegative
    hadron_stochastic: _NotNegative
    hadron_constant: _NotNegative
    muon_constant: _NotNegative
    muon_slope: _NotNegative
    tower_min_et: _NotNegative
    lepton_min_pt: _NotNegative
    electron_max_eta: _Positive
    muon_max_eta: _Positive
    isolation_cone: _Positive
    isolation_max: _Positive
    jet_radius: _Positive
    jet_min_pt: _NotNegative
    jet_max_eta: _Positive
    overlap_cone: _NotNegative
    electron_fake_rate: Annotated[float, Field(ge=0, le=0.01)]
    muon_fake_rate: Annotated[float, Field(ge=0, le=0.01)]
    fake_jets: Annotated[int, Field(ge=1, le=10)]
    fake_pt_fraction: tuple[_Positive, _Positive]
    calorimeter_radius: _Positive
    calorimeter_half_length: _Positive

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "Detector":
        if self.fake_pt_fraction[0] > self.fake_pt_fraction[1]:
            raise ValueError("fake_pt_fraction must be [smallest, largest]")
        return self


class Recipe(Record):
    """A sample: background mixture, signals, pile-up, detector, and the filter (None: every event is accepted)."""

    name: _Name
    description: Annotated[str, Field(min_length=1)]
    default_events: Annotated[int, Field(ge=0)]
    default_signal_events: Annotated[int, Field(ge=0)]
    backgrounds: Annotated[tuple[Process, ...], Field(min_length=1)]
    signals: tuple[Process, ...]
    lepton_filter: LeptonFilter | None
    pile_up: PileUp
    pool: Pool
    detector: Detector
    pythia: Switches

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "Recipe":
        total = sum(process.share for process in self.backgrounds)
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"the shares of the backgrounds add up to {total:g}, they must add up to 1")
        for process in self.backgrounds:
            if process.share == 0:
                raise ValueError(f"background {process.name} has no share")
        for process in self.signals:
            if process.share:
                raise ValueError(f"signal {process.name} has a share; only backgrounds have one")
        names = [process.name for process in self.processes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two processes are named {twice}")
        if self.lepton_filter is None and any(process.weighted for process in self.processes):
            raise ValueError("weighted processes need a lepton_filter: without one their tries would all be copies")
        if self.lepton_filter is not None and not all(process.switches for process in self.processes):
            raise ValueError("with a lepton_filter every process needs switches")
        return self

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes in the order of their codes in the event file."""
        return self.backgrounds + self.signals
