"""Damage a file in many ways and read it each time: `python damage.py FILE SEED START STOP OWN`, a process of its own.

A process of its own because a damaged file may crash the library that reads it. Prints how often the file was refused
and how often it was read; anything but an explained error, or other events than those of the sound file, is a failure.
For formats without checksums (OWN is 0) a damaged value cannot be known, so there every event must be a possible one.
"""

import hashlib
import json
import resource
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

from l1ae.errors import ConfigError, DataError
from l1ae.events.readers.formats import Choice, detect, open_reader
from l1ae.events.readers.screen import Screen

SECONDS = 20


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with a few bits flipped, cut off, with a piece missing, doubled, zeroed or moved."""
    data = bytearray(content)
    way = rng.integers(8)
    first, last = np.sort(rng.integers(0, len(data) + 1, 2))
    if way <= 2:
        for place in rng.integers(0, len(data), [1, 2, 10][way]):
            data[place] ^= 1 << rng.integers(8)
    elif way == 3:
        data[rng.integers(len(data))] = rng.choice([0, 1, 127, 128, 255])
    elif way == 4:
        del data[first:]
    elif way == 5:
        del data[first : min(last, first + 64)]
    elif way == 6:
        last = min(last, first + 64)
        data[first:last] = bytes(last - first)
    else:
        last = min(last, first + 64)
        place = rng.integers(len(data))
        data[place:place] = data[first:last]
    return bytes(data)


def digest(path: Path, form: str, skip_bad: bool) -> str:
    """A hash of everything that is read."""
    screen = Screen(open_reader(path, "x", Choice(form)), skip_bad)
    state = hashlib.sha256(json.dumps([screen.reader.process_names, dict(screen.reader.metadata)]).encode())
    state.update(screen.reader.layout.to_json().encode())
    for events in screen.events(64):
        empty = events.words[..., 0] == 0
        assert not events.words[empty].any()
        for array in (events.words, events.process, events.event_id):
            state.update(np.ascontiguousarray(array).tobytes())
        state.update(b"unknown" if events.pile_up is None else events.pile_up.tobytes())
    return state.hexdigest()


def main(file: str, seed: int, start: int, stop: int, own: bool) -> dict[str, object]:
    """Outcomes of the damaged copies from `start` to `stop`; `FILE.index` says which is being read."""
    path = Path(file)
    sound = path.read_bytes()
    form = detect(path)
    expected = digest(path, form, False)
    target = path.with_name(f"damaged-{path.name}")
    outcomes: dict[str, object] = {"refused": 0, "read": 0, "failures": []}
    failures: list[str] = []

    def late(*_: object) -> None:
        raise KeyboardInterrupt(f"no end after {SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    for index in range(start, stop):
        content = damaged(sound, np.random.default_rng([seed, index]))
        target.write_bytes(content)
        path.with_name(f"{path.name}.index").write_text(str(index))
        signal.alarm(SECONDS)
        try:
            found = digest(target, form, not own)
        except (DataError, ConfigError) as error:
            outcomes["refused"] += 1
            if "\n" in str(error):
                failures.append(f"{index}: more than one line: {error}")
        except BaseException as error:
            failures.append(f"{index}: {type(error).__name__}: {error}")
        else:
            outcomes["read"] += 1
            if own and found != expected:
                failures.append(f"{index}: other events, without a word")
        finally:
            signal.alarm(0)
    return outcomes | {"failures": failures}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5] == "own")))  # noqa: T201
