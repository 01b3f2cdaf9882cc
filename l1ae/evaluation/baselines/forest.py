"""An isolation forest: anomalies are what few random cuts separate from everything else."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError
from l1ae.evaluation.baselines.inputs import as_inputs, draw

#: Events of one tree: the sub-sample of the paper.
TREE_EVENTS = 256


class IsolationForestBaseline:
    """Isolation forest (Liu, Ting and Zhou, ICDM 2008, 413) on raw words; its score lies between 0 and 1.

    It is fitted on at most `limit` training events; `seed` decides which, and the trees.
    """

    def __init__(self, limit: int = 50_000, trees: int = 100, seed: int = 1) -> None:
        self.limit, self.trees, self.seed = limit, trees, seed
        self._forest: Any = None

    def fit(self, batches: Iterable[ArrayLike]) -> "IsolationForestBaseline":
        """Grow the forest from training inputs in batches (N, F); raises `DataError` when a tree cannot be filled."""
        inputs = draw(batches, self.limit, self.seed)
        if len(inputs) < TREE_EVENTS:
            raise DataError(
                f"an isolation forest needs {TREE_EVENTS} training events of the background, has {len(inputs)}"
            )
        from sklearn.ensemble import IsolationForest  # scikit-learn takes a second to import

        self._forest = IsolationForest(n_estimators=self.trees, max_samples=TREE_EVENTS, random_state=self.seed).fit(
            inputs
        )
        return self

    def score(self, x: ArrayLike) -> NDArray[np.float64]:
        """Anomaly score (N,) of inputs (N, F), no unit; raises `DataError` before `fit` and for other inputs."""
        if self._forest is None:
            raise DataError("the isolation forest has no trees yet; call fit with training inputs first")
        values = as_inputs(x)
        if values.shape[1] != self._forest.n_features_in_:
            raise DataError(f"inputs have {values.shape[1]} features, the forest knows {self._forest.n_features_in_}")
        return -self._forest.score_samples(values)
