"""A classifier that has seen the signal: how far any score could come with these inputs."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ae.errors import DataError
from l1ae.evaluation.baselines.inputs import as_inputs, draw

#: Fewest training events of the background and of a signal that a classifier is trained on.
FEWEST = 100


class SupervisedBaseline:
    """Gradient-boosted trees on raw words, one classifier per signal against the background: a ceiling.

    This is no anomaly score: it is trained on the very signal that it is judged by, and gives the background another
    score for each signal. At most `limit` training events of the background and of each signal are used, `seed` decides
    which.
    """

    def __init__(self, limit: int = 100_000, seed: int = 1) -> None:
        self.limit, self.seed = limit, seed
        self._classifiers: dict[str, Any] = {}

    def fit(self, background: Iterable[ArrayLike], signals: Mapping[str, Iterable[ArrayLike]]) -> "SupervisedBaseline":
        """Train on inputs in batches (N, F) of the background and of each signal.

        Raises `DataError` that names the sample with too few training events.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier  # scikit-learn takes a second to import
        from threadpoolctl import threadpool_limits

        known = _enough("background", draw(background, self.limit, self.seed))
        for name, batches in signals.items():
            signal = _enough(name, draw(batches, self.limit, self.seed))
            labels = np.repeat([0, 1], [len(known), len(signal)])
            # No early stopping: it would set events aside, of which a small signal has none to spare.
            trees = HistGradientBoostingClassifier(
                max_iter=100, max_leaf_nodes=15, early_stopping=False, random_state=self.seed
            )
            # One thread: where others compute too, threads that wait for each other take up to twenty times as long.
            with threadpool_limits(1, user_api="openmp"):
                self._classifiers[name] = trees.fit(np.concatenate([known, signal]), labels)
        return self

    def score(self, signal: str, x: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the odds (N,) that inputs (N, F) are that signal; raises `DataError` for an unknown signal."""
        if signal not in self._classifiers:
            raise DataError(f"no classifier was trained on {signal}; call fit with its training inputs first")
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="openmp"):
            odds: NDArray[np.float64] = self._classifiers[signal].decision_function(as_inputs(x))
        return odds


def _enough(name: str, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(inputs) < FEWEST:
        raise DataError(f"supervised trees need {FEWEST} training events of each sample, {name} has {len(inputs)}")
    return inputs
