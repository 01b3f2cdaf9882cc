"""Recipes: which processes a sample holds, how Pythia makes them, which events are kept.

Everything that decides which events come out of a seed, apart from the detector constants, is written here. The
processes and masses are those of arXiv:2107.02157 (lepton recipe); 13 TeV, Pythia's Monash tune.
"""

from dataclasses import dataclass

from l1ae.errors import ConfigError

#: For every process. Neutral pions stay whole (one electromagnetic deposit); c tau > 10 mm counts as stable.
COMMON_SWITCHES: tuple[str, ...] = (
    "Beams:eCM = 13000.",
    "111:mayDecay = off",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10.",
    "Next:numberCount = 0",
    "Init:showChangedSettings = off",
    "Init:showChangedParticleData = off",
    "Next:numberShowInfo = 0",
    "Next:numberShowProcess = 0",
    "Next:numberShowEvent = 0",
)

#: Hard processes: multi-parton interactions are off, overlaid minimum-bias events take their place (5-8 times faster).
HARD_SWITCHES: tuple[str, ...] = ("PartonLevel:MPI = off",)

#: Minimum-bias events: all inelastic collisions, with multi-parton interactions.
MINIMUM_BIAS_SWITCHES: tuple[str, ...] = ("SoftQCD:inelastic = on",)


@dataclass(frozen=True)
class Process:
    """One generated process: its name, its Pythia switches, and its share of the background (0 for a signal)."""

    name: str
    switches: tuple[str, ...]
    share: float = 0.0


@dataclass(frozen=True)
class LeptonFilter:
    """Keep events whose leading listed (isolated) electron or muon has pT above `min_pt`, in GeV."""

    min_pt: float = 23.0
    #: Before the detector step: particle-level pT, and the isolation sum in units of pT plus a constant in GeV.
    particle_pt: float = 20.0
    particle_isolation: float = 0.5
    particle_isolation_offset: float = 8.0


@dataclass(frozen=True)
class Recipe:
    """A sample: background mixture, signals, pile-up, and the filter (None: every event is accepted).

    `pool_events` minimum-bias events without a jet above `pool_veto_gev` are generated once and overlaid, turned by a
    random angle and maybe mirrored; 0 means that every overlaid event is generated for its one event alone.
    `underlying_events` are overlaid beside the Poisson pile-up, in place of the hard process'
    multi-parton interactions.
    """

    name: str
    description: str
    backgrounds: tuple[Process, ...]
    signals: tuple[Process, ...] = ()
    lepton_filter: LeptonFilter | None = None
    pile_up: float = 20.0
    underlying_events: int = 0
    pool_events: int = 0
    pool_veto_gev: float = 40.0
    default_events: int = 100_000
    default_signal_events: int = 0

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes in the order of their codes in the event file."""
        return self.backgrounds + self.signals


def _one_side_semileptonic() -> tuple[str, ...]:
    """Hadrons that hold an anti-b decay to e or mu; those with a b decay freely (sampling aid, no mixing)."""
    mesons = tuple(f"{code}:{mode}" for code in (511, 521, 531, 541) for mode in ("onMode = 3", "onIfAny = 11 13"))
    baryons = tuple(f"{code}:{mode}" for code in (5122, 5132, 5232, 5332) for mode in ("onMode = 2", "onIfAny = 11 13"))
    return ("ParticleDecays:mixB = off", *mesons, *baryons)


_LEPTONIC_Z = ("23:onMode = off", "23:onIfAny = 11 13 15")

_LEPTON = Recipe(
    name="lepton",
    description="events with an isolated electron or muon above 23 GeV: W, QCD, Z, tt, and four signals",
    backgrounds=(
        Process("W", ("WeakSingleBoson:ffbar2W = on", "24:onMode = off", "24:onIfAny = 11 13 15"), share=0.592),
        Process("Z", ("WeakSingleBoson:ffbar2gmZ = on", "PhaseSpace:mHatMin = 50.", *_LEPTONIC_Z), share=0.067),
        Process(
            "QCD",
            ("HardQCD:hardbbbar = on", "PhaseSpace:pTHatMin = 30.", *_one_side_semileptonic()),
            share=0.338,
        ),
        Process("tt", ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"), share=0.003),
    ),
    signals=(
        Process(
            "LQ",
            (
                "LeptoQuark:gg2LQLQbar = on",
                "LeptoQuark:qqbar2LQLQbar = on",
                "42:m0 = 80.",
                "42:0:products = 5 15",
            ),
        ),
        Process(
            "A4l",
            (
                "HiggsSM:gg2H = on",
                "25:m0 = 50.",
                "25:doForceWidth = on",
                "25:onMode = off",
                "25:onIfMatch = 23 23",
                "23:mMin = 2.",
                "23:onMode = off",
                "23:onIfAny = 11 13",
            ),
        ),
        Process("h0", ("HiggsSM:gg2H = on", "25:m0 = 60.", "25:onMode = off", "25:onIfMatch = 15 -15")),
        Process(
            "h+",
            (
                "Higgs:useBSM = on",
                "HiggsBSM:allH+- = on",
                "37:m0 = 60.",
                "37:onMode = off",
                "37:onIfMatch = 15 16",
            ),
        ),
    ),
    lepton_filter=LeptonFilter(),
    underlying_events=1,
    pool_events=20_000,
    default_signal_events=10_000,
)

_ZERO_BIAS = Recipe(
    name="zero-bias",
    description="bunch crossings as they come: a Poisson number of minimum-bias events, nothing is filtered or reused",
    backgrounds=(Process("zero-bias", (), share=1.0),),
    default_events=20_000,
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (_LEPTON, _ZERO_BIAS)}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; raises `ConfigError` that lists the known ones."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}; known recipes: {', '.join(RECIPES)}")
    return RECIPES[name]
