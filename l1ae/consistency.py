"""Sections of a configuration that must fit together: an objective and its kind, inputs and what trains on them."""

from l1ae.settings import AutoencoderConfig, InputsConfig, TrainingConfig

#: Settings of the evidence lower bound.
_VARIATIONAL = ("beta", "prior_width", "warmup_epochs")


def check_objective(autoencoder: AutoencoderConfig, training: TrainingConfig, inputs: InputsConfig) -> None:
    """Refuse an objective that its kind does not have, or lacks; raises `ValueError`."""
    kind = autoencoder.kind
    needed = {"sparse": "sparsity", "denoising": "corruption", "contractive": "contraction"}
    for owner, key in needed.items():
        given = bool(getattr(training, key))
        if owner == kind and not given:
            raise ValueError(f"kind {kind} needs training.{key}")
        if given and owner != kind and not (kind == "overcomplete" and key == "sparsity"):
            raise ValueError(f"training.{key} belongs to kind {owner}, not to {kind}")
    if kind == "overcomplete" and not (training.weight_decay or training.sparsity):
        raise ValueError("kind overcomplete could copy its inputs: give training.weight_decay or training.sparsity")
    if autoencoder.architecture == "convolutional" and training.batch_norm:
        raise ValueError("training.batch_norm folds into dense layers only: leave it out of a convolutional network")
    if autoencoder.embedding is not None or kind == "student":
        for key in ("mask_absent", "periodic", "feature_weights"):
            if getattr(training, key):
                raise ValueError(f"training.{key} weighs inputs, and this network does not reconstruct them")
    kernels = [autoencoder.weights, *(layer.weights for layer in autoencoder.layers.values())]
    if training.pruning is not None and "binary" in kernels:
        raise ValueError("training.pruning: binary weights are -1 or 1 and never 0; take ternary, or leave it out")
    if kind == "contractive" and training.batch_norm:
        raise ValueError(
            "training.batch_norm couples the events of a batch, and a Jacobian belongs to one: leave it out"
        )
    _refuse_idle(autoencoder, training, inputs)
    reach = 2.0 ** (autoencoder.code.integer - 1)
    if autoencoder.given_score == "kl" and training.prior_width > 2 * reach:
        raise ValueError(
            f"training.prior_width {training.prior_width:g}: a code from {-reach:g} to {reach:g} hardly moves the KL "
            "term then; take less, or more integer bits of autoencoder.code"
        )
    if inputs.angles == "relative" and inputs.precision.fraction - inputs.direction_shift < 2:
        raise ValueError(
            "inputs.direction_shift: less than 9 levels of a cosine are left; take less, or more fraction bits of "
            "inputs.precision"
        )
    if training.periodic and inputs.angles == "relative":
        raise ValueError("training.periodic: relative angles are cosines, which have no jump; leave it out")
    if training.periodic and inputs.tables:
        raise ValueError("training.periodic: behind tables phi has lost its period; take inputs.transform scale")


def _refuse_idle(autoencoder: AutoencoderConfig, training: TrainingConfig, inputs: InputsConfig) -> None:
    """Refuse settings that would change nothing; raises `ValueError`."""
    usual = TrainingConfig()
    idle: list[tuple[bool, str, str]] = [
        *((autoencoder.kind != "variational", key, "kind variational") for key in _VARIATIONAL),
        (autoencoder.embedding is None, "vicreg", "networks with an embedding"),
        (autoencoder.kind != "student", "teacher", "kind student"),
        (autoencoder.kind == "student", "reconstruction", "networks that reconstruct"),
    ]
    for unused, key, owner in idle:
        if unused and getattr(training, key) != getattr(usual, key):
            raise ValueError(f"training.{key} belongs to {owner} and would change nothing here: leave it out")
    if not inputs.tables and inputs.address != InputsConfig().address:
        raise ValueError("inputs.address belongs to look-up tables, and these inputs have none: leave it out")
