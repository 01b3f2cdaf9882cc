"""Layouts: which objects an event holds, how many of each, with which fields in which hardware scales.

The least significant bits and widths are those of the objects that the CMS Global Trigger receives (Zenodo record
21787779): transverse energies in 0.5 GeV, calorimeter eta in 0.0435, muon eta in 0.010875, calorimeter phi in
2 pi / 144, muon phi in 2 pi / 576.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import Field

from l1ae.errors import ConfigError, DataError
from l1ae.events.scales import HardwareScale
from l1ae.records import Record, first_message

#: The feature that says whether an object is there: its word is 0 in an empty slot, and every layout has it first.
PT = "pt"


class ObjectKind(Record):
    """One kind of trigger object: its class code, how many the layout holds, and the hardware scale of each feature.

    A feature of the layout without a scale here (the eta of the MET) is 0 in every event. `sum` marks an energy sum,
    which is no object to count.
    """

    name: Annotated[str, Field(min_length=1)]
    code: Annotated[int, Field(ge=1, le=255)]
    count: Annotated[int, Field(ge=1, le=64)]
    fields: dict[str, HardwareScale]
    sum: bool = False

    @property
    def pt(self) -> HardwareScale:
        """Scale of the transverse momentum, which every kind has."""
        return self.fields[PT]

    def scale(self, feature: str) -> HardwareScale | None:
        """Scale of a feature, None where the kind has no such field."""
        return self.fields.get(feature)


class Column(NamedTuple):
    """One column of one kind of object in the words of an event set."""

    kind: ObjectKind
    rows: slice
    column: int
    feature: str
    scale: HardwareScale | None


class Layout(Record):
    """The objects of an event in the order of their rows, and the features in the order of their columns."""

    features: Annotated[tuple[str, ...], Field(min_length=1)] = (PT, "eta", "phi")
    kinds: Annotated[tuple[ObjectKind, ...], Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "Layout":
        for what, names in (("feature", self.features), ("object", [kind.name for kind in self.kinds])):
            twice = next((name for name in names if list(names).count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"{what} {twice} stands twice")
        if self.features[0] != PT:
            raise ValueError(f"the first feature must be {PT}: it says whether an object is there")
        if len({kind.code for kind in self.kinds}) < len(self.kinds):
            raise ValueError("two kinds of object have the same class code")
        if len(set(self.object_names())) < self.n_objects:
            raise ValueError("two objects would have the same name: kinds are told apart without / and numbers")
        for kind in self.kinds:
            if PT not in kind.fields:
                raise ValueError(f"{kind.name} has no {PT}")
            unknown = next((name for name in kind.fields if name not in self.features), None)
            if unknown is not None:
                raise ValueError(f"{kind.name} has a field {unknown} that is no feature of the layout")
        return self

    @property
    def n_objects(self) -> int:
        """Objects of an event, present or not."""
        return sum(kind.count for kind in self.kinds)

    @property
    def shape(self) -> tuple[int, int]:
        """Objects and features: the shape of one event."""
        return self.n_objects, len(self.features)

    @property
    def n_inputs(self) -> int:
        """Words of an event: what the firmware's input port carries."""
        return self.n_objects * len(self.features)

    @property
    def word_width(self) -> int:
        """Bits of one signed word that holds every field of the layout."""
        scales = [scale for kind in self.kinds for scale in kind.fields.values()]
        return max(scale.width + (not scale.signed) for scale in scales)

    def rows(self, name: str) -> slice:
        """Rows that hold the objects of one kind; raises `DataError` for a kind that the layout lacks."""
        start = 0
        for kind in self.kinds:
            if kind.name == name:
                return slice(start, start + kind.count)
            start += kind.count
        raise DataError(f"no {name} in this layout, it holds {', '.join(kind.name for kind in self.kinds)}")

    def kind(self, name: str) -> ObjectKind:
        """The kind of that name; raises `DataError` when the layout lacks it."""
        self.rows(name)
        return next(kind for kind in self.kinds if kind.name == name)

    def columns(self) -> Iterator[Column]:
        """Every column of every kind."""
        for kind in self.kinds:
            for column, feature in enumerate(self.features):
                yield Column(kind, self.rows(kind.name), column, feature, kind.scale(feature))

    @property
    def class_codes(self) -> NDArray[np.uint8]:
        """(n_objects,) class code of each row."""
        return np.concatenate([np.full(kind.count, kind.code, dtype=np.uint8) for kind in self.kinds])

    def object_names(self) -> tuple[str, ...]:
        """Names of the rows, such as `jet3`."""
        return tuple(
            kind.name.replace("/", "") + ("" if kind.count == 1 else str(index + 1))
            for kind in self.kinds
            for index in range(kind.count)
        )

    def feature_names(self) -> tuple[str, ...]:
        """Names of the inputs in the order of the flattened layout, such as `jet3_eta`."""
        return tuple(f"{name}_{feature}" for name in self.object_names() for feature in self.features)

    def momenta(self) -> list[int]:
        """Index of the pT of each object among the inputs; the first feature of a layout is pT."""
        return list(range(0, self.n_inputs, len(self.features)))

    def is_direction(self) -> NDArray[np.bool_]:
        """(n_inputs,) which inputs are angles."""
        return np.tile([feature in ("eta", "phi") for feature in self.features], self.n_objects)

    def select(self, objects: Mapping[str, int] | None = None, features: Sequence[str] | None = None) -> "Layout":
        """The leading `objects` of each named kind and the named `features`; None keeps all.

        Raises `ConfigError` for kinds, counts or features that this layout does not hold.
        """
        wanted = {kind.name: kind.count for kind in self.kinds} if objects is None else dict(objects)
        columns = self.features if features is None else tuple(features)
        known = {kind.name: kind for kind in self.kinds}
        for name, count in wanted.items():
            if name not in known:
                raise ConfigError(f"the events hold no {name}; they hold {', '.join(known)}")
            if not 1 <= count <= known[name].count:
                raise ConfigError(f"{count} {name} objects were asked for, the events hold 1 to {known[name].count}")
        for name in columns:
            if name not in self.features:
                raise ConfigError(f"the events hold no feature {name}; they hold {', '.join(self.features)}")
        kinds = [
            kind.model_copy(
                update={
                    "count": wanted[kind.name],
                    "fields": {name: scale for name, scale in kind.fields.items() if name in columns},
                }
            )
            for kind in self.kinds
            if kind.name in wanted
        ]
        try:
            return Layout(features=columns, kinds=tuple(kinds))
        except pydantic.ValidationError as error:
            raise ConfigError(f"this choice of objects and features makes no layout: {first_message(error)}") from error

    def positions(self, chosen: "Layout") -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of this layout that make up `chosen`, a selection of it."""
        rows = [np.arange(self.rows(kind.name).start, self.rows(kind.name).stop)[: kind.count] for kind in chosen.kinds]
        return np.concatenate(rows), np.array([self.features.index(name) for name in chosen.features])

    def to_json(self) -> str:
        """The layout as one line of JSON: what event files carry."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=False))

    @classmethod
    def from_json(cls, text: str) -> "Layout":
        """The layout that `to_json` wrote; raises `DataError`."""
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise DataError(f"the layout of the events is damaged: {first_message(error)}") from error


def _pt(width: int) -> HardwareScale:
    return HardwareScale(lsb=0.5, width=width, unit="GeV")


def _phi(width: int, period: int) -> HardwareScale:
    return HardwareScale(lsb=2 * math.pi / period, width=width, unit="rad", period=period)


def _kind(name: str, code: int, count: int, **fields: HardwareScale) -> ObjectKind:
    return ObjectKind(name=name, code=code, count=count, fields=fields, sum=name == "MET")


_CALO_ETA = HardwareScale(lsb=0.0435, width=8, unit="1", signed=True)
_MUON_ETA = HardwareScale(lsb=0.010875, width=9, unit="1", signed=True)


def _trigger_objects(egamma: int, muons: int, jets: int) -> tuple[ObjectKind, ...]:
    return (
        _kind("MET", 1, 1, pt=_pt(12), phi=_phi(8, 144)),
        _kind("e/gamma", 2, egamma, pt=_pt(9), eta=_CALO_ETA, phi=_phi(8, 144)),
        _kind("muon", 3, muons, pt=_pt(9), eta=_MUON_ETA, phi=_phi(10, 576)),
        _kind("jet", 4, jets, pt=_pt(11), eta=_CALO_ETA, phi=_phi(8, 144)),
    )


#: The 19 objects of arXiv:2107.02157 (MET, 4 e/gamma, 4 muons, 10 jets), with its class codes.
LEPTON = Layout(kinds=_trigger_objects(4, 4, 10))

#: Everything that the CMS Global Trigger receives and the parquet files of Zenodo record 21787779 hold.
GLOBAL_TRIGGER = Layout(
    kinds=(*_trigger_objects(12, 8, 12), _kind("tau", 5, 12, pt=_pt(9), eta=_CALO_ETA, phi=_phi(8, 144)))
)
