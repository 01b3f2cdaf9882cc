"""Untrained networks behind given offsets and shifts, without any events."""

from collections.abc import Iterable
from typing import Any

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
