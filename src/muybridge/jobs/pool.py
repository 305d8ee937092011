"""Work shared out to processes: each with its own threads, none left behind, nothing queued."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from muybridge.jobs.threads import use_threads

T = TypeVar("T")
R = TypeVar("R")


def each(
    todo: Iterable[T], work: Callable[[T], R], workers: int, threads: int = 1
) -> Iterator[R]:
    """Does a piece of work for each thing and yields the results as they come.

    When the caller stops, or a piece fails, pieces that were begun are finished first.

    Args:
        todo: the things; sent to other processes, so plain.
        work: a function of a module.
        workers: processes.
        threads: of each.
    """
    things = list(todo)
    if not things:
        return
    rest = iter(things)
    with _few_threads(threads):
        pool = ProcessPoolExecutor(
            min(workers, len(things)), multiprocessing.get_context("spawn"), initializer=prepare,
            initargs=(os.getpid(), threads),
        )
        try:
            # no queue, which a stop would have to wait for
            waiting: set[Future[R]] = {pool.submit(work, t) for t in islice(rest, workers)}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                waiting |= {pool.submit(work, t) for t in islice(rest, len(done))}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def prepare(parent: int, threads: int = 1) -> None:
    """Sets up a process of the pool: its threads, Ctrl-C left to the parent, no orphan.

    Args:
        parent: process that it works for; it ends when that one does.
        threads: that it computes with.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_threads(threads)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _few_threads(count: int) -> Iterator[None]:
    """Children begin with so many threads for every library."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
