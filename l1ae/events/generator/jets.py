"""Jets from calorimeter towers, by FastJet."""

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError


def cluster(
    events: int, event: NDArray, et: NDArray, eta: NDArray, phi: NDArray, radius: float, min_pt: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Anti-kT jets (arXiv:0802.1189) above `min_pt` GeV from massless towers ordered by event: event, pT, eta, phi.

    Raises `ToolchainError` when FastJet is not installed.
    """
    try:
        import awkward as ak
        import fastjet
    except ImportError as error:
        raise ToolchainError(f"no FastJet ({error}); install it with: pip install 'l1ae[generate]'") from error
    counts = np.bincount(event, minlength=events)
    filled = np.flatnonzero(counts)  # FastJet is not asked about empty events
    if len(filled) == 0:
        empty = np.zeros(0)
        return np.zeros(0, dtype=np.int64), empty, empty, empty
    towers = ak.zip(
        {"px": et * np.cos(phi), "py": et * np.sin(phi), "pz": et * np.sinh(eta), "E": et * np.cosh(eta)},
        with_name="Momentum4D",
    )
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    jets = fastjet.ClusterSequence(ak.unflatten(towers, counts[filled]), definition).inclusive_jets(min_pt)
    owner = np.repeat(filled, ak.num(jets).to_numpy())
    px, py, pz = (ak.to_numpy(ak.flatten(jets[name])) for name in ("px", "py", "pz"))
    pt = np.hypot(px, py)
    return owner, pt, np.arcsinh(pz / pt), np.arctan2(py, px)
