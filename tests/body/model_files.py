"""Writes small SMPL, SMPL+H and SMPL-X model files, and poses them by the published formula."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

JOINTS = {"smpl": 24, "smplh": 52, "smplx": 55}
_BODY = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
_ORIGIN = np.array([0.003, -0.35, 0.012])


def _hand(wrist: int, first: int) -> list[int]:
    return [wrist if k == 0 else first + 3 * f + k - 1 for f in range(5) for k in range(3)]


def parents(family: str) -> list[int]:
    """As the model files write them."""
    if family == "smpl":
        return [*_BODY, 20, 21]
    if family == "smplh":
        return [*_BODY, *_hand(20, 22), *_hand(21, 37)]
    return [*_BODY, 15, 15, 15, *_hand(20, 25), *_hand(21, 40)]


def model(family: str, vertices: int = 90, betas: int = 10, seed: int = 0) -> dict[str, Any]:
    """The arrays of a model about as large as a person, otherwise random."""
    rng = np.random.default_rng(seed)
    count = JOINTS[family]
    expressions = 10 if family == "smplx" else 0
    weights = rng.dirichlet(np.full(4, 0.7), vertices)
    which = rng.integers(0, count, (vertices, 4))
    dense = np.zeros((vertices, count))
    np.add.at(dense, (np.arange(vertices)[:, None], which), weights)
    dense[np.arange(count), :] = np.eye(count)  # every joint moves some vertex
    regressor = rng.dirichlet(np.full(vertices, 0.1), count)
    table = np.array([parents(family), range(count)], dtype=np.int64)
    table[0, 0] = 2**32 - 1
    arrays: dict[str, Any] = {
        "v_template": rng.normal(size=(vertices, 3)) * [0.4, 0.5, 0.1] + _ORIGIN,
        "shapedirs": rng.normal(size=(vertices, 3, betas + expressions)) * 0.02,
        "posedirs": rng.normal(size=(vertices, 3, 9 * (count - 1))) * 0.003,
        "J_regressor": regressor,
        "kintree_table": table.astype(np.uint32),
        "weights": dense,
        "f": rng.permuted(np.tile(np.arange(vertices), (160, 1)), axis=1)[:, :3].astype(np.uint32),
    }
    if family != "smpl":
        for side in "lr":
            arrays[f"hands_mean{side}"] = rng.normal(size=45) * 0.2
            arrays[f"hands_components{side}"] = np.linalg.qr(rng.normal(size=(45, 45)))[0]
    if family == "smplx":
        arrays["vt"] = rng.random((120, 2))
        arrays["ft"] = rng.integers(0, 120, (160, 3)).astype(np.uint32)
    return arrays


def forward(
    arrays: dict[str, Any], betas: np.ndarray, R: np.ndarray, translation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints by Loper et al. 2015, in float64, one frame, loop by loop.

    Args:
        betas: shape (then expression) coefficients.
        R: local rotation of every joint of the file.
        translation: added to everything, as the reference implementation's ``transl``.
    """
    above = [int(p) for p in arrays["kintree_table"][0].astype(np.int64)]
    count = len(above)
    shaped = arrays["v_template"] + arrays["shapedirs"][:, :, : len(betas)] @ betas
    rest = arrays["J_regressor"] @ shaped
    feature = np.concatenate([(R[j] - np.eye(3)).ravel() for j in range(1, count)])
    posed = shaped + arrays["posedirs"] @ feature
    world = np.zeros((count, 4, 4))
    for j in range(count):
        local = np.eye(4)
        local[:3, :3] = R[j]
        local[:3, 3] = rest[j] - (rest[above[j]] if j else 0)
        world[j] = world[above[j]] @ local if j else local
    moved = np.zeros_like(posed)
    for j in range(count):
        from_rest = np.eye(4)
        from_rest[:3, 3] = -rest[j]
        A = world[j] @ from_rest
        moved += arrays["weights"][:, j, None] * (posed @ A[:3, :3].T + A[:3, 3])
    return moved + translation, world[:, :3, 3] + translation


def write_npz(path: Path, arrays: dict[str, Any]) -> Path:
    """As SMPL-X is handed out."""
    np.savez(path, **arrays)
    return path


@contextmanager
def chumpy() -> Iterator[tuple[type, type]]:
    """``chumpy.ch.Ch`` and ``chumpy.reordering.Select``, as far as pickling goes."""

    class Ch:
        def __init__(self, **state: Any) -> None:
            self.__dict__.update(state)

        def __getstate__(self) -> dict[str, Any]:
            return dict(self.__dict__)

    class Select(Ch):
        pass

    modules = {}
    for name, holder in (("chumpy.ch", Ch), ("chumpy.reordering", Select)):
        holder.__module__, holder.__qualname__ = name, holder.__name__
        modules[name] = types.ModuleType(name)
        setattr(modules[name], holder.__name__, holder)
    modules["chumpy"] = types.ModuleType("chumpy")
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield Ch, Select
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def write_pickle(path: Path, arrays: dict[str, Any], protocol: int = 2) -> Path:
    """As SMPL is handed out: chumpy arrays, a selection of one, a sparse regressor."""
    with chumpy() as (Ch, Select):
        content: dict[str, Any] = dict(arrays)
        directions = arrays["shapedirs"]
        more = np.concatenate([directions, np.full((*directions.shape[:2], 3), 7.0)], -1)
        chosen = np.arange(more.size).reshape(more.shape)[..., : directions.shape[-1]]
        content["shapedirs"] = Select(
            a=Ch(x=more, _dirty_vars=set(), _itr=None), idxs=chosen.ravel(),
            preferred_shape=chosen.shape,
        )
        content["posedirs"] = Ch(x=arrays["posedirs"], _dirty_vars={"x"}, _depends=(1, None))
        content["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
        content |= {"bs_style": "lbs", "bs_type": "lrotmin", "J": arrays["v_template"][:4]}
        path.write_bytes(pickle.dumps(content, protocol))
    return path
