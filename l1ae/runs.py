"""A run folder: where one configuration's model, records and reports lie."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from l1ae.config import BudgetConfig, RtlConfig, RunConfig, dump_config, load_config
from l1ae.errors import ConfigError, RunFolderError
from l1ae.files import write_text

#: Everything that a run writes into its folder; beside these only files that are being written.
_CONTENT = (
    *(
        "config.yaml",
        "model.keras",
        "decoded.json",
        "float.keras",
        "teacher.keras",
        "circuit.json",
        "history.json",
        "conversion.json",
        "verification.json",
    ),
    *("hardware.json", "netlist", "vendor.json", "vendor", "costs.jsonl"),
    *("report.json", "report.html", "checkpoints", "shuffled", "logs"),
)
#: What outlives a run that is started over: its history is about earlier versions of it.
_KEPT = ("costs.jsonl",)


@dataclass(frozen=True)
class RunFolder:
    """Names of the files in a run folder; `create` or `open` it."""

    path: Path
    config: RunConfig

    @classmethod
    def create(cls, path: Path, config: RunConfig, fresh: bool = False) -> "RunFolder":
        """Make the folder, or continue the run of the same configuration that it holds, or one that never trained.

        Clock, depth and budget of the firmware may have changed: they need no other training. `fresh` deletes a former
        run first, but for its history of costs. Raises `RunFolderError` when the folder holds no run, and with `fresh`
        when it holds anything beside one.
        """
        record = path / "config.yaml"
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"{path} is a file, choose another folder with --out")
        if path.is_dir() and any(entry.name not in _KEPT for entry in path.iterdir()):
            if not record.is_file():
                raise RunFolderError(f"{path} is not empty and holds no run, choose another folder with --out")
            if fresh:
                _check_ours(record)
                _remove(path)
            elif any((path / name).exists() for name in ("model.keras", "checkpoints")):
                former = _recorded(record)
                if _trained(former) != _trained(config):
                    raise RunFolderError(
                        f"{path} holds another run ({_difference(former, config)}): "
                        "choose another folder with --out, or start over with --fresh"
                    )
        write_text(record, dump_config(config))
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """The run in a folder; raises `RunFolderError` when there is none."""
        record = path / "config.yaml"
        if not record.is_file():
            raise RunFolderError(f"{path} holds no run (no config.yaml): make one with l1ae run CONFIG --out {path}")
        return cls(path, _recorded(record))

    @property
    def model(self) -> Path:
        """The deployed model, words in, score out."""
        return self.path / "model.keras"

    @property
    def decoded(self) -> Path:
        """A variational autoencoder with its decoder and squared error as a circuit: a comparison, not deployed."""
        return self.path / "decoded.json"

    @property
    def floating(self) -> Path:
        """The same network and score in float, words in, score out: a comparison."""
        return self.path / "float.keras"

    @property
    def teacher(self) -> Path:
        """The teacher of a student, words in, score out: a comparison."""
        return self.path / "teacher.keras"

    @property
    def circuit(self) -> Path:
        """The same model as integer operations."""
        return self.path / "circuit.json"

    @property
    def checkpoints(self) -> Path:
        """State after the last and the best epoch."""
        return self.path / "checkpoints"

    @property
    def shuffled(self) -> Path:
        """Training events in random order while the training lasts, when there are too many for the memory."""
        return self.path / "shuffled"

    @property
    def history(self) -> Path:
        """Losses per epoch."""
        return self.path / "history.json"

    @property
    def conversion(self) -> Path:
        """Where the firmware project lies and what it was made for."""
        return self.path / "conversion.json"

    @property
    def verification(self) -> Path:
        """The verdict of the last verification."""
        return self.path / "verification.json"

    @property
    def hardware(self) -> Path:
        """What the simulation and the synthesis of the Verilog have found."""
        return self.path / "hardware.json"

    @property
    def netlist(self) -> Path:
        """Folder of the synthesised Verilog."""
        return self.path / "netlist"

    @property
    def vendor(self) -> Path:
        """Figures from the reports of the vendor's tools."""
        return self.path / "vendor.json"

    @property
    def costs(self) -> Path:
        """History of the run: what each of its circuits cost and how good it was."""
        return self.path / "costs.jsonl"

    @property
    def report_json(self) -> Path:
        """The report for programs."""
        return self.path / "report.json"

    @property
    def report_html(self) -> Path:
        """The report for people."""
        return self.path / "report.html"

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.path / "logs"

    def log(self, stage: str) -> Path:
        """The log of a stage."""
        return self.logs / f"{stage}.log"

    def need(self, file: Path, command: str) -> Path:
        """`file`, or a `RunFolderError` that names the command that makes it."""
        if not file.is_file():
            raise RunFolderError(f"{self.path} has no {file.name} yet: l1ae {command} {self.path}")
        return file


def _recorded(record: Path) -> RunConfig:
    """The configuration that a run folder holds; raises `RunFolderError` with the way out when it cannot be read."""
    try:
        return load_config(record)
    except ConfigError as error:
        raise RunFolderError(
            f"{error}: the run is damaged or of another version of l1ae; start over with l1ae run CONFIG --fresh, "
            "or choose another folder with --out"
        ) from error


def _trained(config: RunConfig) -> RunConfig:
    """The configuration without what may change after the training: clock, depth and budget of the firmware."""
    return config.model_copy(update={"rtl": RtlConfig(), "budget": BudgetConfig()})


def _check_ours(record: Path) -> None:
    """Raise `RunFolderError` unless this configures a run, of whatever version: others have a config.yaml too."""
    try:
        content = yaml.safe_load(record.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict) or not {"name", "autoencoder"} <= set(content):
        raise RunFolderError(
            f"{record}: this is no configuration of l1ae, so nothing is deleted; choose another folder with --out"
        )


def _remove(path: Path) -> None:
    """Delete what a run has left, its history excepted, unless somebody keeps other things in its folder."""
    foreign = sorted(
        entry.name for entry in path.iterdir() if entry.name not in _CONTENT and not entry.name.startswith(".partial-")
    )
    if foreign:
        raise RunFolderError(
            f"{path} holds {foreign[0]}, which is no part of a run: move it away, or choose another folder with --out"
        )
    # The configuration goes last: as long as it is there, the folder is known as that of a run.
    for entry in sorted(path.iterdir(), key=lambda entry: entry.name == "config.yaml"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in _KEPT:
            entry.unlink()


def _difference(old: RunConfig, new: RunConfig) -> str:
    """The first key whose values differ."""

    def walk(left: object, right: object, key: str) -> str | None:
        if isinstance(left, dict) and isinstance(right, dict):
            return next((found for name in left if (found := walk(left[name], right[name], f"{key}.{name}"))), None)
        return f"{key[1:]}: {left!r} there, {right!r} here" if left != right else None

    return walk(old.model_dump(mode="json"), new.model_dump(mode="json"), "") or "another configuration"
