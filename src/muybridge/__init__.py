"""muybridge: multi-view video of a person from one photograph.

>>> import muybridge as mb
>>> person = mb.Person.from_photo("me.jpg")
>>> motion = mb.Motion.load("dance.bvh")
>>> cameras = mb.Cameras.orbit(views=8, frames=motion.frames)
>>> video = mb.load("avatar")(person, motion, cameras, seed=0)
>>> video.save("out/me")

Everything here is loaded at first use: importing the package loads neither
torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError, Interrupted, MissingWeights, MuybridgeError

if TYPE_CHECKING:
    from muybridge.body import Shape as Shape
    from muybridge.camera import Cameras as Cameras
    from muybridge.jobs import Job as Job
    from muybridge.methods import HumanVideo as HumanVideo
    from muybridge.methods import load as load
    from muybridge.motion import Motion as Motion
    from muybridge.motion import clips as clips
    from muybridge.motion import load_motion as load_motion
    from muybridge.person import Person as Person

__version__ = "0.1.0"

_LAZY = {
    "Cameras": "muybridge.camera",
    "HumanVideo": "muybridge.methods",
    "Job": "muybridge.jobs",
    "Motion": "muybridge.motion",
    "Person": "muybridge.person",
    "Shape": "muybridge.body",
    "clips": "muybridge.motion",
    "load": "muybridge.methods",
    "load_motion": "muybridge.motion",
}

__all__ = [  # noqa: F822  (the lazy names are resolved by __getattr__)
    "Cameras", "HumanVideo", "InputError", "Interrupted", "Job", "MissingWeights", "Motion",
    "MuybridgeError", "Person", "Shape", "clips", "load", "load_motion",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'muybridge' has no attribute {name!r}")
    room = import_module(_LAZY[name])
    value = getattr(room, name, None)
    if value is None:  # a submodule, such as clips
        value = import_module(f"{_LAZY[name]}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
