"""What the documents tell people to type exists, parses and works on files that are there; links lead somewhere."""

import importlib.util
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from l1ae.cli import commands
from l1ae.config import load_config
from l1ae.errors import ConfigError

ROOT = Path(__file__).parents[1]
_PLACES = ("*.md", "docs/*.md", "firmware/README.md", "l1ae/events/sample/*.md", "notebooks/*.md")
DOCUMENTS = sorted(path for place in _PLACES for path in ROOT.glob(place))
_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"^([A-Za-z0-9][\w.-]*)\s*:(?!=)", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_WRITTEN = re.compile(r'(?:write_events|\.save)\("([^"]+)"')
#: A folder of the reader, whose files the document does not have to make.
_THEIRS = re.compile(r"with QKeras models in `(\w+/)`")
_PACKAGE_MAKEFILE = Path("l1ae/hardware/package/templates/Makefile")
#: Options of l1ae that name what a command writes.
_OUTPUTS = ("out", "firmware", "plot", "json_file", "junit", "markdown", "html", "write_baseline")


@dataclass
class Document:
    """A Markdown file: its complaints are collected while its commands are followed from top to bottom."""

    path: Path
    root: Path
    text: str = ""
    configs: dict = field(default_factory=dict)  # name -> RunConfig of the YAML blocks
    made: set = field(default_factory=set)  # what the commands so far have written
    wrong: list = field(default_factory=list)

    def __post_init__(self):
        self.text = self.path.read_text(encoding="utf-8")

    def blocks(self, *languages):
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    def check(self, folder):
        """All complaints, in a list; `folder` takes the configurations."""
        self.check_configurations(folder)
        for body in self.blocks("python"):
            self.made |= set(_WRITTEN.findall(body))
        for command in command_lines("\n".join(self.blocks("sh", "bash", "console"))):
            program = Path(command[0]).name
            known = {"l1ae": self.check_l1ae, "make": self.check_make, "python": self.check_python}
            if program in known:
                known[program](command[1:])
        self.check_links()
        self.wrong += [f"{place} was never filled in" for place in re.findall(r"@[A-Z0-9]+@", self.text)]
        return self.wrong

    @property
    def shown(self):
        """Files that the document shows: YAML blocks that begin with a comment that is the name of the file."""
        return {found[1] for body in self.blocks("yaml") if (found := re.match(r"# (\S+\.yaml)\n", body))}

    def check_configurations(self, folder):
        for body in self.blocks("yaml"):
            if not re.match(r"(\s*#[^\n]*\n)*name:", body):
                continue
            file = folder / "block.yaml"
            file.write_text(body, encoding="utf-8")
            try:
                config = load_config(file)
                self.configs[config.name] = config
            except ConfigError as error:
                self.wrong.append(f"configuration: {error}")

    def check_make(self, arguments):
        makefile = self.root / "Makefile"
        if arguments[:1] == ["-C"]:  # in a package
            self.need(arguments[1], "make -C")
            makefile, arguments = self.root / _PACKAGE_MAKEFILE, arguments[2:]
        targets = set(_TARGET.findall(makefile.read_text(encoding="utf-8")))
        wanted = [word for word in arguments if "=" not in word and not word.startswith("-")]
        self.wrong += [f"make {word}: no such target" for word in wanted if word not in targets]

    def check_python(self, arguments):
        if arguments[:1] == ["-m"]:
            module = arguments[1].split(".")[0]
            if importlib.util.find_spec(module) is None:
                self.wrong.append(f"python -m {arguments[1]}: no such module")
        elif arguments and not arguments[0].startswith("-"):
            self.need(arguments[0], "python")

    def check_l1ae(self, arguments):
        line = shlex.join(["l1ae", *arguments])
        try:
            name, parameters = parse(arguments)
        except click.ClickException as error:
            self.wrong.append(f"{line}: {error.format_message()}")
            return
        inputs = [value for key, value in parameters.items() if isinstance(value, Path) and key not in _OUTPUTS]
        for value in (*inputs, *parameters.get("paths", ())):
            self.need(str(value), line)
        outputs = [parameters.get(key) for key in _OUTPUTS]
        self.made |= {str(value) for value in outputs if value is not None}
        config = parameters.get("config") or parameters.get("target")
        if name in ("run", "train") and config is not None and config.suffix == ".yaml":
            self.made.add(str(parameters.get("out") or Path("runs") / config.stem))
            self.check_name(config)

    def check_name(self, config):
        """runs/NAME follows from the name in the file: a preset is named like its file."""
        file = self.root / config
        if file.is_file() and load_config(file).name != config.stem:
            self.wrong.append(f"{config} names its run {load_config(file).name}, not {config.stem}")

    def need(self, name, line):
        """A file of the repository, an output of an earlier command, or a configuration shown in the document."""
        shown = name in self.shown or (name.endswith(".yaml") and Path(name).stem in self.configs)
        there = (self.root / name).exists() and not name.startswith("runs/")  # what somebody ran here does not count
        theirs = any(name.startswith(folder) for folder in _THEIRS.findall(self.text))
        if name != "sample" and name not in self.made and not shown and not there and not theirs:
            self.wrong.append(f"{line}: {name} is neither in the repository nor written by the document before")

    def check_links(self):
        prose = _FENCE.sub("", self.text)
        for target in _LINK.findall(prose):
            file = target.split("#")[0]
            if file and not re.match(r"[a-z]+:", file) and not (self.path.parent / file).exists():
                self.wrong.append(f"link to {target}: no such file")


def command_lines(text):
    """The commands of shell blocks as lists of words: prompts and comments off, continued lines joined."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";&|"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def parse(arguments):
    """Name and parameters of the command that `l1ae ARGUMENTS` would run; raises `click.ClickException`."""
    command, context = commands, click.Context(commands, info_name="l1ae", **commands.context_settings)
    arguments = list(arguments)
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        child = command.get_command(context, name)
        if child is None:
            raise click.UsageError(f"no such command {name}")
        command, context = child, click.Context(child, info_name=name, parent=context)
    try:
        made = command.make_context(context.info_name, arguments, parent=context.parent)
    except click.exceptions.Exit as end:  # --help and --version end here
        if end.exit_code:
            raise click.UsageError(f"exit code {end.exit_code}") from end
        return context.info_name, {}
    return context.info_name, made.params


def check(path, folder, root=ROOT):
    return Document(path, root).check(folder)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_tells_the_truth(path, tmp_path):
    assert check(path, tmp_path) == []


def test_the_readme_and_the_documents_are_read():
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "docs/architecture.md", "docs/configuration.md"} <= names
    readme = Document(ROOT / "README.md", ROOT)
    programs = [line[0] for line in command_lines("\n".join(readme.blocks("sh", "bash", "console")))]
    assert {"make", "l1ae"} <= set(programs)


BAD = """# Bad
Done in @TIME@. See [the guide](docs/nowhere.md), [the house](docs/architecture.md#rooms) and [the author](mailto:a@b).
```sh
make rnu  # a target that does not exist
make PYTHON=python3.12 run && make lnit
l1ae fly configs/dense_vae.yaml
l1ae run configs/dense_vae.yaml --fest
l1ae run configs/absent.yaml
l1ae verify runs/dense_ae   # trained by nobody
l1ae data generate lepton --events -5 --out x.h5
l1ae data info
l1ae verify configs models/*.keras --junit found.xml
python -m no_such_module
python scripts/absent.py
```
```yaml
name: typo
autoencoder: {kind: undercomplete, latnet: 3}
```
"""


def test_every_mistake_of_a_bad_document_is_seen(tmp_path):
    path = tmp_path / "BAD.md"
    path.write_text(BAD, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "architecture.md").touch()
    complaints = check(path, tmp_path)
    expected = (
        "configuration: .*latnet",
        "make rnu: no such target",
        "make lnit: no such target",
        "l1ae fly .*: no such command fly",
        "l1ae run .*: No such option.*--fest",
        "configs/absent.yaml is neither",
        "runs/dense_ae is neither",
        "--events",
        "Missing argument",
        r"models/\*.keras is neither",
        "no such module",
        "scripts/absent.py is neither",
        "link to docs/nowhere.md: no such file",
        "@TIME@ was never filled in",
    )
    assert len(complaints) == len(expected), complaints
    for complaint, pattern in zip(complaints, expected, strict=True):
        assert re.search(pattern, complaint), (complaint, pattern)


GOOD = """# Good
For people with QKeras models in `theirs/`.
```console
$ make help
$ l1ae --version
$ l1ae train configs/dense_ae.yaml --out runs/first
$ l1ae convert runs/first \\
    --firmware fw; l1ae verify runs/first
an answer of the program
$ l1ae run mine.yaml
$ l1ae report runs/mine
$ l1ae data info sample --plot sample.png
$ l1ae data generate zero-bias --events 10 --out mb.h5
$ l1ae data info mb.h5
$ l1ae data info own.h5
$ l1ae convert mine.keras --out fw/mine && l1ae verify fw/mine theirs/*.keras --junit found.xml
```
```python
l1ae.write_events("own.h5", events)
model.save("mine.keras")
```
```yaml
# a comment
name: mine
autoencoder: {kind: variational}
```
```yaml
on: push
```
"""


def test_a_good_document_has_no_complaints(tmp_path, capsys):
    path = tmp_path / "GOOD.md"
    path.write_text(GOOD, encoding="utf-8")
    assert check(path, tmp_path) == []
