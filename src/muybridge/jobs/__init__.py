"""A request as data, and what becomes of it: plan, run, resume, replay."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from muybridge.jobs.job import Job, parse_fps, parse_size, parse_start

if TYPE_CHECKING:
    from muybridge.jobs.plan import Plan as Plan
    from muybridge.jobs.plan import plan as plan
    from muybridge.jobs.replay import replay as replay
    from muybridge.jobs.run import Result as Result
    from muybridge.jobs.run import run as run

_LAZY = {"Plan": "plan", "plan": "plan", "Result": "run", "run": "run", "replay": "replay"}

__all__ = ["Job", "Plan", "Result", "parse_fps", "parse_size", "parse_start", "plan", "replay",
           "run"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f"muybridge.jobs.{_LAZY[name]}"), name)
        globals()[name] = value  # the function, not the module of the same name
        return value
    raise AttributeError(f"module 'muybridge.jobs' has no attribute {name!r}")
