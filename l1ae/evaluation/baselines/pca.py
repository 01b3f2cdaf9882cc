"""Principal components: the linear autoencoder."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError
from l1ae.evaluation.baselines.inputs import as_inputs


class PcaBaseline:
    """Squared error of reconstructing an event from its leading principal components: the linear autoencoder.

    Give it the inputs of the network (after scaling) and as many components as the network has latent dimensions.
    """

    def __init__(self, n_components: int) -> None:
        if n_components < 1:
            raise DataError(f"a PCA with {n_components} components; at least 1 is needed")
        self.n_components = n_components
        self._mean: Any = None
        self._components: Any = None

    def fit(self, batches: Iterable[ArrayLike]) -> "PcaBaseline":
        """Find the components of training inputs in batches (N, F), any unit."""
        from sklearn.decomposition import IncrementalPCA  # scikit-learn takes a second to import

        # With all components kept, the incremental algorithm is exact; the first batch must have enough rows for that.
        pca, held = IncrementalPCA(), np.zeros((0, 0))
        with np.errstate(divide="ignore", invalid="ignore"):  # its share of the variance, when there is none at all
            for batch in batches:
                x = as_inputs(batch)
                held = np.concatenate([held, x]) if len(held) else x
                if len(held) >= held.shape[1]:
                    pca.partial_fit(held)
                    held = np.zeros((0, 0))
            if len(held):
                pca.partial_fit(held)
        rows, features = getattr(pca, "n_samples_seen_", 0), getattr(pca, "n_features_in_", 0)
        if self.n_components >= min(rows, features):
            raise DataError(
                f"{self.n_components} components of inputs {(int(rows), features)} leave no error to measure; use fewer"
            )
        self._mean, self._components = pca.mean_, pca.components_[: self.n_components]
        return self

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Squared reconstruction error (N,) of inputs (N, F), in squared units of the inputs."""
        if self._components is None:
            raise DataError("the PCA baseline has no components yet; call fit with training inputs first")
        values = as_inputs(x)
        if values.shape[1] != len(self._mean):
            raise DataError(f"inputs have {values.shape[1]} features, the PCA was fitted on {len(self._mean)}")
        centred = values - self._mean
        residual = centred - centred @ self._components.T @ self._components
        return np.einsum("ij,ij->i", residual, residual)
