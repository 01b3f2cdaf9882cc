"""What a network is and how it is trained: the records of the sections `inputs`, `autoencoder` and `training`.

Combinations within a section are refused here, those between sections by `consistency.py`; what depends on the events
(their number of inputs and objects) is checked by `autoencoder/requirements.py` when they are known.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, PositiveInt, Tag, model_validator

from l1ae.records import BRANCH, Precision, Record, SignedPrecision

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Units = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]

#: Which scores a kind of autoencoder can give; the first is its default.
SCORES: dict[str, tuple[str, ...]] = {
    "undercomplete": ("squared_error", "absolute_error"),
    "overcomplete": ("squared_error", "absolute_error"),
    "sparse": ("squared_error", "absolute_error"),
    "contractive": ("squared_error", "absolute_error"),
    "denoising": ("squared_error", "absolute_error"),
    "variational": ("radius", "weighted_radius", "kl", "squared_error", "absolute_error"),
    "student": ("student",),
}


class InputsConfig(Record):
    """What the network sees of the hardware words; every choice is exact in firmware.

    `transform` of the pT words: `scale` is an offset and a shift; the others are a look-up table per input, learned
    from the background. `angles`: as they are, or `relative`, the cosine of the difference in phi to the missing
    momentum. `address`: bits of the word that addresses a table. `direction_shift` makes angles smaller by 2**shift.
    """

    transform: Literal["scale", "log", "tail", "density", "quantile"] = "scale"
    angles: Literal["absolute", "relative"] = "absolute"
    direction_shift: Annotated[int, Field(ge=0, le=8)] = 4
    address: Annotated[int, Field(ge=4, le=10)] = 9
    precision: SignedPrecision = SignedPrecision(width=8, integer=4)

    @property
    def tables(self) -> bool:
        """Whether the inputs pass through look-up tables."""
        return self.transform != "scale" or self.angles == "relative"


#: A precision, or a kernel of few values by name; told apart first, so that a mistake in one names only that one.
Kernel = Annotated[
    Annotated[SignedPrecision, Tag(f"{BRANCH}precision")]
    | Annotated[Literal["ternary", "binary"], Tag(f"{BRANCH}name")],
    Discriminator(lambda value: f"{BRANCH}name" if isinstance(value, str) else f"{BRANCH}precision"),
]


class LayerConfig(Record):
    """Precisions of one layer that differ from those of the network; None keeps them."""

    weights: Kernel | None = None
    biases: SignedPrecision | None = None
    activations: Precision | None = None


class EmbeddingConfig(Record):
    """A network in front of the autoencoder, trained by self-supervision; the autoencoder reconstructs its output.

    `size` outputs of format `precision` behind layers of `hidden` units.
    """

    hidden: Units = (29,)
    size: PositiveInt = 10
    precision: SignedPrecision = SignedPrecision(width=8, integer=4)


class AutoencoderConfig(Record):
    """Kind, shape and precisions of the autoencoder, and the score that it gives.

    `score`: None takes the first that the kind can give. `mask_absent`: inputs of absent objects add nothing to a
    reconstruction error. `tie_free`: deploy biases that leave no ties to round. `layers`: precisions of single layers
    by name (encoder_1, code, decoder_1, output, ...).
    """

    kind: Literal["undercomplete", "overcomplete", "sparse", "contractive", "denoising", "variational", "student"]
    architecture: Literal["dense", "convolutional"] = "dense"
    hidden: Units = (32, 16)
    filters: tuple[PositiveInt, PositiveInt] = (16, 32)
    latent: PositiveInt = 3
    embedding: EmbeddingConfig | None = None
    score: Literal["squared_error", "absolute_error", "radius", "weighted_radius", "kl", "student"] | None = None
    mask_absent: bool = False
    weights: Kernel = SignedPrecision(width=8, integer=2)
    biases: SignedPrecision = SignedPrecision(width=8, integer=3)
    activations: Precision = Precision(width=8, integer=3)
    code: SignedPrecision = SignedPrecision(width=8, integer=4)
    tie_free: bool = True
    layers: dict[str, LayerConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> "AutoencoderConfig":
        if self.score is not None and self.score not in SCORES[self.kind]:
            raise ValueError(f"kind {self.kind} gives no score {self.score}; it gives {', '.join(SCORES[self.kind])}")
        if self.mask_absent and self.given_score not in ("squared_error", "absolute_error"):
            raise ValueError(f"mask_absent: score {self.given_score} is no reconstruction error, leave it out")
        if self.embedding is not None:
            if self.kind == "student" or self.architecture == "convolutional":
                raise ValueError("an embedding stands in front of a dense autoencoder; take kind undercomplete")
            if self.mask_absent:
                raise ValueError("mask_absent: behind an embedding no input belongs to one object, leave it out")
        if self.kind == "student" and self.architecture == "convolutional":
            raise ValueError("a student is dense; its teacher may be as large as you like")
        unknown = next((name for name in self.layers if name not in self.layer_names), None)
        if unknown is not None:
            raise ValueError(f"layers: there is no layer {unknown}; there are {', '.join(self.layer_names)}")
        for name in ("embedding", "code", "log_variance", "output"):
            if name in self.layers and self.layers[name].activations is not None:
                raise ValueError(f"layers.{name}.activations: no rectifier stands behind {name}, leave it out")
        return self

    @property
    def given_score(self) -> str:
        """The score, or the default of the kind."""
        return self.score or SCORES[self.kind][0]

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers with weights, in order."""
        deep = range(1, len(self.hidden) + 1)
        embedding = () if self.embedding is None else range(1, len(self.embedding.hidden) + 1)
        front = (*(f"embedding_{number}" for number in embedding), *(("embedding",) if self.embedding else ()))
        if self.kind == "student":
            return (*(f"encoder_{number}" for number in deep), "code")
        code = ("code", "log_variance") if self.given_score == "kl" else ("code",)
        if self.architecture == "convolutional":
            return ("encoder_1", "encoder_2", *code, "decoder_1", "decoder_2", "output")
        encoder, decoder = ([f"{side}_{number}" for number in deep] for side in ("encoder", "decoder"))
        return (*front, *encoder, *code, *decoder, "output")


class SparsityConfig(Record):
    """Penalty on the code: `l1`, the Laplace prior, or `kl` from a mean activity of `target` (between 0 and 1)."""

    penalty: Literal["l1", "kl"] = "l1"
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.01
    target: Annotated[float, Field(gt=0, lt=1)] = 0.05


class CorruptionConfig(Record):
    """What a denoising autoencoder has to undo, drawn anew in every epoch.

    `masking`: share of the objects set to absent. `gaussian`: width of noise added to the scaled inputs. `detector`:
    relative width of a smearing of pT, one count of smearing in the angles, and objects lost with probability
    `masking`.
    """

    kind: Literal["masking", "gaussian", "detector"] = "masking"
    masking: Share = 0.1
    gaussian: Share = 0.3
    detector: Share = 0.1


class VicregConfig(Record):
    """Self-supervision by VICReg: the weights of its terms, and how strongly the two views of an event differ.

    `smear`: relative width of the pT smearing; `drop`: share of the objects lost. Both views are also turned
    around the beam.
    """

    epochs: PositiveInt = 30
    invariance: Weight = 25.0
    variance: Weight = 25.0
    covariance: Weight = 1.0
    smear: Share = 0.15
    drop: Share = 0.1


Member = Literal["autoencoder", "outliers", "table", "total_pt"]


def _all_members() -> dict[Member, float]:
    return {"autoencoder": 1.0, "outliers": 1.0, "table": 1.0, "total_pt": 1.0}


class TeacherConfig(Record):
    """The large float teacher of a student: the scores it joins with their weights, and the size of its networks.

    `transform` of the pT in front of its autoencoder.
    """

    members: Annotated[dict[Member, Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)] = Field(
        default_factory=_all_members
    )
    transform: Literal["log", "tail", "density", "quantile"] = "tail"
    hidden: Units = (128, 64)
    latent: PositiveInt = 5
    epochs: PositiveInt = 30


class PruningConfig(Record):
    """Magnitude pruning to a share `sparsity` of zero weights per layer, by a cubic schedule over these epochs."""

    sparsity: Annotated[float, Field(gt=0, lt=1)] = 0.5
    begin_epoch: Annotated[int, Field(ge=0)] = 0
    end_epoch: PositiveInt = 20

    @model_validator(mode="after")
    def _possible(self) -> "PruningConfig":
        if self.end_epoch <= self.begin_epoch:
            raise ValueError(f"pruning ends with epoch {self.end_epoch} and begins behind {self.begin_epoch}")
        return self


class TriggerConfig(Record):
    """Rates at which the trigger is quoted, and how often events like the background come.

    `rates_khz`: trigger rates in kHz. `crossing_rate_mhz`: bunch crossings in MHz. `filling_factor`: fraction of the
    crossings with proton bunches, at the LHC 2760 of 3564. `background_share`: fraction of the filled crossings that
    the background sample stands for, 1 for zero bias. `menu_khz`: total rate of the menu of cuts beside the anomaly
    trigger; None gives it the rate of each row.
    """

    rates_khz: Annotated[tuple[Positive, ...], Field(min_length=1)] = (
        1000.0,
        100.0,
        10.0,
        1.0,
    )
    crossing_rate_mhz: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 40.0
    filling_factor: Annotated[float, Field(gt=0, le=1)] = 0.774
    background_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    menu_khz: Positive | None = None

    @property
    def input_khz(self) -> float:
        """Rate of events like those of the background sample, in kHz."""
        return 1000 * self.crossing_rate_mhz * self.filling_factor * self.background_share


class TrainingConfig(Record):
    """How the network is trained; see docs/configuration.md for each key."""

    epochs: PositiveInt = 50
    float_epochs: Annotated[int, Field(ge=0)] = 0
    batch_norm: bool = False
    batch_size: PositiveInt = 512
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3e-3
    patience: PositiveInt = 8
    reconstruction: Literal["squared", "absolute"] = "squared"
    mask_absent: bool = False
    periodic: bool = False
    feature_weights: dict[str, Weight] = Field(default_factory=dict)
    weight_decay: Weight = 0.0
    sparsity: SparsityConfig | None = None
    contraction: Weight = 0.0
    corruption: CorruptionConfig | None = None
    beta: Share = 0.8
    prior_width: Annotated[float, Field(gt=0, le=1024)] = 1.0
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    vicreg: VicregConfig = VicregConfig()
    teacher: TeacherConfig = TeacherConfig()
    pruning: PruningConfig | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1

    @model_validator(mode="after")
    def _possible(self) -> "TrainingConfig":
        if self.batch_norm and not self.float_epochs:
            raise ValueError("batch_norm lives in the float network and is folded from there: set float_epochs")
        if self.pruning is not None and self.pruning.end_epoch > self.epochs:
            raise ValueError(f"pruning ends with epoch {self.pruning.end_epoch}, behind the last of {self.epochs}")
        return self
