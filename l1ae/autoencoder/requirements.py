"""What a network requires of the events: refused before anything is trained."""

from l1ae.autoencoder.relative import Relative
from l1ae.errors import ConfigError
from l1ae.events.layout import Layout
from l1ae.settings import AutoencoderConfig, InputsConfig, TrainingConfig

#: Rows that the two convolutions of three rows and the two poolings by three need at least.
_CONVOLUTION_ROWS = 11


def check_network(
    autoencoder: AutoencoderConfig, training: TrainingConfig, inputs: InputsConfig, layout: Layout
) -> None:
    """Refuse a network that does not fit the events; raises `ConfigError` that names the key."""
    size = layout.n_inputs if autoencoder.embedding is None else autoencoder.embedding.size
    seen = "inputs" if autoencoder.embedding is None else "outputs of the embedding"
    if autoencoder.kind == "overcomplete" and autoencoder.latent < size:
        raise ConfigError(f"autoencoder.latent: {autoencoder.latent} is less than {size} {seen}: kind undercomplete")
    if autoencoder.kind not in ("overcomplete", "sparse", "student") and autoencoder.latent >= size:
        raise ConfigError(
            f"autoencoder.latent: {autoencoder.latent} is not below {size} {seen}; "
            "take less, or kind overcomplete or sparse"
        )
    if autoencoder.architecture == "convolutional" and layout.n_objects < _CONVOLUTION_ROWS:
        raise ConfigError(
            f"autoencoder.architecture: convolutional needs {_CONVOLUTION_ROWS} rows of objects, "
            f"these events have {layout.n_objects}; take dense"
        )
    for name in training.feature_weights:
        if name not in layout.features:
            raise ConfigError(
                f"training.feature_weights: no feature {name} in these events; they have {', '.join(layout.features)}"
            )
    if not any(training.feature_weights.get(name, 1.0) for name in layout.features):
        raise ConfigError("training.feature_weights: every weight is 0, nothing would be learned")
    has_phi = "phi" in layout.features
    if training.periodic and not has_phi:
        raise ConfigError("training.periodic: these events have no phi; leave it out")
    if inputs.angles == "relative" and not (has_phi and any(kind.sum for kind in layout.kinds)):
        raise ConfigError("inputs.angles: relative needs phi and a missing momentum among the events; take absolute")
    if inputs.angles == "relative":
        Relative.of(layout)  # refuses scales that do not match
