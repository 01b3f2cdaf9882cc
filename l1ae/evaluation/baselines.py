"""Scores that need no neural network: what an autoencoder has to beat on the same events."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError
from l1ae.events.scales import LAYOUT, ObjectKind, rows
from l1ae.events.schema import EventSet


class PcaBaseline:
    """Squared error of reconstructing an event from its leading principal components: the linear autoencoder.

    Give it the inputs of the network (after scaling) and as many components as the network has latent dimensions.
    """

    def __init__(self, n_components: int) -> None:
        if n_components < 1:
            raise DataError(f"a PCA with {n_components} components; at least 1 is needed")
        self.n_components = n_components
        self._pca: Any = None

    def fit(self, x_train: ArrayLike) -> "PcaBaseline":
        """Find the components of training inputs (N, F), any unit."""
        from sklearn.decomposition import PCA  # scikit-learn takes a second to import

        x = _inputs(x_train)
        if self.n_components >= min(x.shape):
            raise DataError(f"{self.n_components} components of inputs {x.shape} leave no error to measure; use fewer")
        self._pca = PCA(self.n_components, svd_solver="full").fit(x)
        return self

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Squared reconstruction error (N,) of inputs (N, F), in squared units of the inputs."""
        if self._pca is None:
            raise DataError("the PCA baseline has no components yet; call fit with training inputs first")
        values = _inputs(x)
        if values.shape[1] != self._pca.n_features_in_:
            raise DataError(f"inputs have {values.shape[1]} features, the PCA was fitted on {self._pca.n_features_in_}")
        residual = values - self._pca.inverse_transform(self._pca.transform(values))
        return np.einsum("ij,ij->i", residual, residual)


def leading_object_pt_sum(events: EventSet) -> NDArray[np.float64]:
    """pT of the leading e/gamma + leading muon + leading jet of each event (N,), in GeV; absent objects count 0."""
    return np.sum([_pt(events, kind).max(axis=1) for kind in LAYOUT if kind.name != "MET"], axis=0)


def total_pt(events: EventSet) -> NDArray[np.float64]:
    """Sum of the pT of all 19 objects of each event (N,), MET included, in GeV."""
    return np.sum([_pt(events, kind).sum(axis=1) for kind in LAYOUT], axis=0)


def object_count(events: EventSet) -> NDArray[np.int64]:
    """Number of e/gamma, muons and jets of each event (N,); MET is no object to count."""
    present = [(events.words[:, rows(kind), 0] > 0).sum(axis=1) for kind in LAYOUT if kind.name != "MET"]
    return np.sum(present, axis=0).astype(np.int64)


def _pt(events: EventSet, kind: ObjectKind) -> NDArray[np.float64]:
    """pT of all objects of one kind (N, count), in GeV."""
    return kind.pt.to_physical(events.words[:, rows(kind), 0])


def _inputs(x: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise DataError(f"inputs have shape {values.shape}, expected (events, features) with at least one event")
    if not np.isfinite(values).all():
        raise DataError("inputs hold NaN or infinite values; drop those events")
    return values
