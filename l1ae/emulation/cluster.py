"""Many event files on a dask cluster: each file is one task, which another worker takes up when one is lost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from l1ae.emulation.emulate import Emulated, Job, emulate_file
from l1ae.errors import L1aeError, ToolchainError

#: Seconds in which a scheduler has to answer.
_PATIENCE = 20
Work = Callable[[Job, Path, Path], Emulated]


def emulate_files(
    job: Job,
    files: Sequence[tuple[Path, Path]],
    scheduler: str,
    *,
    done: Callable[[Emulated], object] = lambda _: None,
    work: Work = emulate_file,
) -> list[Emulated]:
    """Do `work`, usually `emulate_file`, for each (data, out) on the workers of a dask scheduler.

    Workers need l1ae of the same version, g++, and the same files under the same names. `done` is told each result as
    it comes. A failure of one file does not end the others; it is raised when they are done. Raises `ToolchainError`
    when dask is missing, the scheduler does not answer, or the scheduler gives a file up after
    as many lost workers as it allows, usually 4.
    """
    distributed = _dask()
    job = replace(job, circuit=job.circuit.resolve())
    results: dict[Path, Emulated] = {}
    failures: list[L1aeError] = []
    with _client(distributed, scheduler) as client:
        tasks = {
            client.submit(_checked, version("l1ae"), work, job, data.resolve(), out.resolve(), pure=False): (data, out)
            for data, out in files
        }
        for task in distributed.as_completed(tasks, loop=client.loop):
            data, out = tasks[task]
            try:
                results[out] = replace(task.result(), data=data, out=out)
            except L1aeError as error:
                failures.append(error)
            except distributed.scheduler.KilledWorker as error:
                failures.append(
                    ToolchainError(f"{data}: the workers that took it up were lost, one after the other ({error})")
                )
            except Exception as error:  # of a worker's installation
                failures.append(ToolchainError(f"{data} failed on a worker: {' '.join(str(error).split())[:300]}"))
            else:
                done(results[out])
    if failures:
        more = f" ({len(failures)} of {len(files)} files failed)" if len(files) > 1 else ""
        raise type(failures[0])(f"{failures[0]}{more}")
    return [results[out] for _, out in files]


def _checked(expected: str, work: Work, job: Job, data: Path, out: Path) -> Emulated:
    """On a worker: the work, by the same version of l1ae."""
    found = version("l1ae")
    if found != expected:
        raise ToolchainError(f"a worker has l1ae {found}, this is {expected}: install the same version there")
    return work(job, data, out)


@contextmanager
def _client(distributed: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ToolchainError(
            f"no dask scheduler answers at {scheduler} ({' '.join(str(error).split())[:200]}): start one with "
            "dask scheduler, and workers with dask worker ADDRESS"
        ) from error
    try:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ToolchainError(
                f"the dask scheduler at {scheduler} has no workers: start some with dask worker"
            ) from error
        yield client
    finally:
        client.close(timeout=_PATIENCE)


def _dask() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ToolchainError(f"cannot import distributed ({error}): pip install 'l1ae[dask]'") from error
