"""Hooks of Pythia: events that will not be wanted are left out before the costly part of their generation.

Pythia is imported when a hook is made, so their classes live inside functions.
"""

import random
from typing import Any

HEAVY_QUARKS = (4, 5)  # PDG codes of c and b


def keep_heavy(keep_light: float, seed: int) -> Any:
    """A hook that lets all hard processes pass that c or b quarks leave, and the share `keep_light` of the others."""
    import pythia8mc

    chance = random.Random(seed)

    class KeepHeavy(pythia8mc.UserHooks):
        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:
            heavy = process[5].idAbs() in HEAVY_QUARKS or process[6].idAbs() in HEAVY_QUARKS
            return not heavy and chance.random() >= keep_light

    return KeepHeavy()


def want_parton_jet(scale: float, min_pt: float, radius: float) -> Any:
    """A hook that stops an event whose shower comes down to `scale` GeV without an anti-kT jet above `min_pt` GeV."""
    import pythia8mc

    jets = pythia8mc.SlowJet(-1, radius, min_pt, _MAX_ETA)

    class WantPartonJet(pythia8mc.UserHooks):
        def canVetoPT(self) -> bool:
            return True

        def scaleVetoPT(self) -> float:
            return scale

        def doVetoPT(self, _: int, event: Any) -> bool:
            jets.analyze(event)
            return bool(jets.sizeJet() == 0)

    return WantPartonJet()


_MAX_ETA = 5.2  # a little more than the detector
