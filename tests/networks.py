"""Untrained networks behind given offsets and shifts, without any events."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.events.layout import LEPTON, Layout
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

#: What a network sees, unless a test says otherwise.
INPUTS = SignedPrecision(width=8, integer=4)


def network(
    config: AutoencoderConfig,
    offset: Iterable[int],
    shift: Iterable[int],
    *,
    precision: SignedPrecision = INPUTS,
    layout: Layout = LEPTON,
) -> Any:
    """An `Autoencoder` of `config` with random weights; offsets and shifts say how many inputs it has."""
    from l1ae.autoencoder.architectures import build
    from l1ae.autoencoder.transforms import InputTransform

    return build(config, InputTransform.of(offset, shift, precision, layout.word_width), layout)


def deployed(
    config: AutoencoderConfig,
    offset: Iterable[int],
    shift: Iterable[int],
    *,
    precision: SignedPrecision = INPUTS,
    layout: Layout = LEPTON,
    **options: Any,
) -> Any:
    """The deployed model of such a network: words in, score out."""
    from l1ae.autoencoder.scores import deploy

    autoencoder = network(config, offset, shift, precision=precision, layout=layout)
    return deploy(autoencoder, config, InputsConfig(precision=precision), layout, **options)


def background(layout: Layout, count: int, seed: int = 0) -> NDArray[np.int16]:
    """Words (N, n) as a trigger sends them: falling pT, every other object absent, angles anywhere."""
    rng = np.random.default_rng(seed)
    events = np.zeros((count, *layout.shape), dtype=np.int64)
    for kind, rows, column, feature, scale in layout.columns():
        if scale is None:
            continue
        size = (count, kind.count)
        if feature == "pt":
            momenta = 1 + rng.exponential(40 / scale.lsb, size).astype(int)
            events[:, rows, column] = np.minimum(momenta, scale.high) * (kind.sum | (rng.random(size) < 0.5))
        else:
            events[:, rows, column] = rng.integers(scale.low, scale.high + 1, size)
    events[events[..., 0] == 0] = 0
    for kind in layout.kinds:
        rows = layout.rows(kind.name)
        order = np.argsort(-events[:, rows, 0], axis=1)
        events[:, rows] = np.take_along_axis(events[:, rows], order[..., None], axis=1)
    return events.reshape(count, -1).astype(np.int16)
