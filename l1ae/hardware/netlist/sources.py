"""Which modules a set of Verilog files defines, and which of the files a module needs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from l1ae.errors import ToolchainError

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_MODULE = re.compile(r"\bmodule\s+([A-Za-z_]\w*)")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")


@dataclass(frozen=True)
class Sources:
    """Verilog files by name, and for every module the files that are needed to build it."""

    texts: dict[str, str]
    needs: dict[str, frozenset[str]]

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Sources":
        """Read Verilog files; raises `ToolchainError` when two of them have one name, or when one is missing."""
        texts: dict[str, str] = {}
        for file in map(Path, files):
            if file.name in texts:
                raise ToolchainError(f"two Verilog files are called {file.name}")
            try:
                texts[file.name] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ToolchainError(f"{file} cannot be read: {error}") from error
        plain = {name: _COMMENT.sub(" ", text) for name, text in texts.items()}
        defined = {module: name for name, text in plain.items() for module in _MODULE.findall(text)}
        used = {
            name: {defined[word] for word in set(_WORD.findall(text)) & defined.keys()} for name, text in plain.items()
        }
        return cls(texts, {module: frozenset(_reached(name, used)) for module, name in defined.items()})

    def stages(self, name: str) -> list[str]:
        """Names of the modules of pipeline stages, in their order."""
        found = [
            (int(match[1]), module) for module in self.needs if (match := re.fullmatch(rf"{name}_stage(\d+)", module))
        ]
        return [module for _, module in sorted(found)]

    def of(self, module: str) -> dict[str, str]:
        """The files that a module needs, in the order of their names."""
        return {name: self.texts[name] for name in sorted(self.needs[module])}


def _reached(start: str, used: dict[str, set[str]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = used[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached
