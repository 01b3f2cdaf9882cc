"""Mappings: where a foreign file keeps the objects of a layout, as YAML."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from l1ae.errors import ConfigError
from l1ae.events.layout import PT, Layout
from l1ae.events.readers.raw import Reader, Units
from l1ae.records import Record, load_record

Name = Annotated[str, Field(min_length=1)]


class ObjectMapping(Record):
    """Where one kind of object is found.

    `source`: the folder of parquet files or the tree of a ROOT file (None: the tree of the whole mapping). `features`:
    feature of the layout -> column or branch. `where`: only entries whose columns have these values. `order`: objects
    stand by falling pT, which is checked, or in the order in which the hardware sends them, which is kept.
    """

    source: Name | None = None
    features: dict[Name, Name]
    where: dict[Name, int] = Field(default_factory=dict)
    order: Literal["falling", "as_sent"] = "falling"

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "ObjectMapping":
        if PT not in self.features:
            raise ValueError(f"no column for {PT}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Everything that is read, each column once."""
        return tuple(dict.fromkeys((*self.features.values(), *self.where)))


class EventMapping(Record):
    """Columns that together identify an event; their values are hashed into its event id."""

    source: Name | None = None
    columns: Annotated[tuple[Name, ...], Field(min_length=1)]


class SourceMapping(Record):
    """A foreign format: which column holds what, and in which units."""

    format: Literal["cms", "root"]
    source: Name | None = None
    units: Units
    objects: Annotated[dict[Name, ObjectMapping], Field(min_length=1)]
    event: EventMapping | None = None

    @pydantic.model_validator(mode="after")
    def _possible(self) -> "SourceMapping":
        places = {f"objects.{name}": kind.source for name, kind in self.objects.items()}
        if self.event is not None:
            places["event"] = self.event.source
        nowhere = next((name for name, source in places.items() if source is None and self.source is None), None)
        if nowhere is not None:
            raise ValueError(f"{nowhere} has no source, and there is no source for the whole mapping")
        return self

    def place(self, part: ObjectMapping | EventMapping) -> str:
        """Folder or tree of a part of the mapping."""
        return part.source or self.source or ""

    def check(self, layout: Layout) -> None:
        """Raise `ConfigError` unless every object and feature of the layout is mapped."""
        for kind in layout.kinds:
            if kind.name not in self.objects:
                raise ConfigError(
                    f"the mapping has no {kind.name}, it has {', '.join(self.objects)}: choose with --objects or map it"
                )
            missing = next((name for name in kind.fields if name not in self.objects[kind.name].features), None)
            if missing is not None:
                raise ConfigError(
                    f"the mapping has no column for {kind.name} {missing}: choose with --features or map it"
                )


def _objects(tree: bool) -> dict[str, ObjectMapping]:
    """The objects of the Global Trigger; their columns have the names of the branches of the ntuples."""

    def kind(
        folder: str, prefix: str, suffix: str = "", order: Literal["falling", "as_sent"] = "falling"
    ) -> ObjectMapping:
        return ObjectMapping(
            source=None if tree else folder,
            features={PT: f"{prefix}IEt", "eta": f"{prefix}IEta{suffix}", "phi": f"{prefix}IPhi{suffix}"},
            where={f"{prefix}Bx": 0} if tree else {},
            order=order,
        )

    def energy(folder: str, code: int, *features: str) -> ObjectMapping:
        columns = {PT: "sumIEt", "phi": "sumIPhi"} if tree else {PT: "Et", "phi": "phi"}
        return ObjectMapping(
            source=None if tree else folder,
            features={name: columns[name] for name in features},
            where={"sumType": code, "sumBx": 0} if tree else {},
        )

    return {
        "MET": energy("MET", 2, PT, "phi"),
        "e/gamma": kind("egammas", "eg"),
        "muon": kind("muons", "muon", "AtVtx", "as_sent"),
        "jet": kind("jets", "jet"),
        "tau": kind("taus", "tau"),
        "ET": energy("ET", 0, PT),
        "HT": energy("HT", 1, PT),
        "MHT": energy("MHT", 3, PT, "phi"),
        "METHF": energy("FET", 8, PT, "phi"),
        "MHTHF": energy("FHT", 20, PT, "phi"),
    }


#: The parquet files of Zenodo record 21787779: a folder per object, columns named after the branches of the ntuples.
CMS_L1 = SourceMapping(
    format="cms",
    units="words",
    objects=_objects(tree=False),
    event=EventMapping(source="event_info", columns=("run", "lumi", "event")),
)

#: CMS L1 ntuples in ROOT. Codes of the sums: l1t::EtSum::EtSumType of CMSSW.
L1_NTUPLE = SourceMapping(
    format="root",
    source="l1UpgradeTree/L1UpgradeTree",
    units="words",
    objects=_objects(tree=True),
    event=EventMapping(source="l1EventTree/L1EventTree", columns=("run", "lumi", "event")),
)


def load_mapping(path: Path | None, form: str) -> SourceMapping:
    """The mapping in a YAML file, or the one that l1ae brings along; raises `ConfigError`."""
    if path is None:
        return CMS_L1 if form == "cms" else L1_NTUPLE
    mapping = load_record(path, SourceMapping)
    if mapping.format != form:
        raise ConfigError(f"{path} is a mapping for the format {mapping.format}, the events are {form}")
    return mapping


class MappedReader(Reader):
    """A reader whose file or folder is described by a mapping; raises `ConfigError` when it lacks what is asked for."""

    def __init__(self, path: Path, layout: Layout, process: str, mapping: SourceMapping) -> None:
        super().__init__(path, layout, (process,))
        mapping.check(layout)
        self.mapping, self.units = mapping, mapping.units
        self.as_sent = frozenset(name for name, part in mapping.objects.items() if part.order == "as_sent")
        self.known_ids = mapping.event is not None
