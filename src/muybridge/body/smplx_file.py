"""Reads and checks an SMPL, SMPL+H or SMPL-X model file.

The files come from https://smpl.is.tue.mpg.de, https://mano.is.tue.mpg.de and
https://smpl-x.is.tue.mpg.de, each under a licence (free for research only, unless
bought) that the user accepts there. muybridge ships none of their data; it reads
the arrays of the user's own copy, as ``.npz`` or as the original pickle, and
never unpickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NoReturn

import numpy as np

from muybridge.body.restricted import load_arrays
from muybridge.body.skeleton import BODY_JOINTS, JOINTS, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS
from muybridge.body.skeleton import PARENTS as SMPLX_PARENTS
from muybridge.errors import InputError

Array = np.ndarray

MAX_VERTICES = 200_000
_HANDS = LEFT_HAND_JOINTS + RIGHT_HAND_JOINTS
_SMPL_JOINTS = (*BODY_JOINTS, "left_hand", "right_hand")


def _parents(joints: tuple[str, ...]) -> tuple[int, ...]:
    above = {
        name: JOINTS[p] if p >= 0 else "" for name, p in zip(JOINTS, SMPLX_PARENTS, strict=True)
    }
    above |= {"left_hand": "left_wrist", "right_hand": "right_wrist"}
    return tuple(joints.index(above[j]) if above[j] else -1 for j in joints)


FAMILIES: dict[str, tuple[str, ...]] = {
    "smpl": _SMPL_JOINTS,
    "smplh": BODY_JOINTS + _HANDS,
    "smplx": JOINTS,
}
"""Joints of each family of models, in the order of its files."""

_REQUIRED = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")
_FETCH = (
    "give an SMPL-X, SMPL+H or SMPL model file as its website hands it out, "
    "such as SMPLX_NEUTRAL.npz or SMPL_NEUTRAL.pkl"
)


@dataclass(frozen=True)
class ModelFile:
    """The arrays of one model, checked: float64, metres.

    Attributes:
        family: ``smpl``, ``smplh`` or ``smplx``.
        joints: names, in the file's order.
        parents: parent of each joint, -1 for the pelvis.
        v_template: ``[N, 3]``. faces: ``[F, 3]``. weights: ``[N, J]``.
        J_regressor: ``[J, N]``.
        shapedirs: ``[N, 3, S]``, one per beta.
        expressiondirs: ``[N, 3, E]``; ``E`` is 0 but for SMPL-X.
        posedirs: ``[N, 3, 9 (J - 1)]``.
        uv, faces_uv: texture coordinates, origin top left; ``None`` where the file has none.
        hand_mean, hand_components: ``[45]`` and ``[K, 45]`` by side.
    """

    family: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    v_template: Array
    faces: np.ndarray
    weights: Array
    J_regressor: Array
    shapedirs: Array
    expressiondirs: Array
    posedirs: Array
    uv: Array | None = None
    faces_uv: np.ndarray | None = None
    hand_mean: Mapping[str, Array] = field(default_factory=dict)
    hand_components: Mapping[str, Array] = field(default_factory=dict)


class _Reader:
    """Takes fields out of the file's dictionary, or says what is wrong with them."""

    def __init__(self, source: str | PathLike[str], arrays: Mapping[str, Any]) -> None:
        self.source, self.arrays = source, arrays

    def fail(self, name: str, problem: str, remedy: str = _FETCH) -> NoReturn:
        raise InputError(self.source, name, problem, remedy)

    def numbers(self, name: str, shape: tuple[int | None, ...]) -> Array:
        """Finite float64 numbers of a shape; ``None`` fits any length but 0."""
        value = self.arrays[name]
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # an object saved into an .npz
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            self.fail(name, f"is {_kind(value)}, not an array of numbers")
        fits = value.ndim == len(shape) and all(
            n == want if want is not None else n > 0
            for n, want in zip(value.shape, shape, strict=True)
        )
        if not fits:
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            self.fail(name, f"has shape {_times(value.shape)} where {wanted} is needed")
        out = value.astype(np.float64)
        if not np.isfinite(out).all():
            self.fail(name, "holds a number that is not finite")
        return out

    def indices(self, name: str, shape: tuple[int | None, ...], below: int) -> np.ndarray:
        """Whole numbers within 0 .. below-1."""
        out = self.numbers(name, shape)
        whole = out.astype(np.int64)
        if not np.array_equal(whole, out) or whole.min() < 0 or whole.max() >= below:
            self.fail(name, f"holds an index outside 0..{below - 1}")
        return whole


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    return f"a {type(value).__name__}"


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of a single number"


def read_model(path: str | PathLike[str]) -> ModelFile:
    """The arrays of an SMPL, SMPL+H or SMPL-X file.

    Fields that muybridge does not use (landmarks, priors, part names) are left alone.

    Raises:
        InputError: the file is missing, damaged or holds code; a needed field is missing,
            of the wrong shape, not finite, or contradicts the others.
    """
    return parse_model(path, load_arrays(path))


def parse_model(source: str | PathLike[str], arrays: Mapping[str, Any]) -> ModelFile:
    """Checks the dictionary of a model file; see :func:`read_model`."""
    read = _Reader(source, arrays)
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        read.fail(missing[0], "is missing" if len(missing) == 1 else
                  f"is missing, and so are {', '.join(missing[1:])}")
    template = read.numbers("v_template", (None, 3))
    n = len(template)
    if not 4 <= n <= MAX_VERTICES:
        read.fail("v_template", f"has {n} vertices, not 4 to {MAX_VERTICES}")
    tree = read.numbers("kintree_table", (2, None))
    family = next((f for f, joints in FAMILIES.items() if len(joints) == tree.shape[1]), "")
    if not family:
        read.fail("kintree_table", f"has {tree.shape[1]} joints; SMPL has 24, SMPL+H 52, SMPL-X 55")
    joints = FAMILIES[family]
    parents = _parents(joints)
    if not np.array_equal(tree[0, 1:], parents[1:]):
        odd = int(np.flatnonzero(tree[0, 1:] != parents[1:])[0]) + 1
        read.fail("kintree_table", f"joint {odd} ({joints[odd]}) hangs on {tree[0, odd]:.0f}, "
                  f"in {family.upper()} it hangs on {parents[odd]}")
    if not np.array_equal(tree[1], np.arange(len(joints))):
        read.fail("kintree_table", "its second row does not number the joints 0, 1, 2, ...")
    weights = read.numbers("weights", (n, len(joints)))
    if weights.min() < -1e-6 or np.abs(weights.sum(1) - 1).max() > 1e-2:
        read.fail("weights", "is negative, or does not sum to 1 at every vertex")
    regressor = read.numbers("J_regressor", (len(joints), n))
    if np.abs(regressor.sum(1) - 1).max() > 5e-2:
        read.fail("J_regressor", "does not sum to 1 for every joint")
    shapes = read.numbers("shapedirs", (n, 3, None))
    betas, expressions = _split(family, shapes)
    uv, faces_uv = _texture(read)
    faces = read.indices("f", (None, 3), n)
    if faces_uv is not None and faces_uv.shape != faces.shape:
        read.fail("ft", f"has {len(faces_uv)} triangles, f has {len(faces)}")
    means, components = _hands(read, family)
    return ModelFile(
        family, joints, parents, template, faces, weights, regressor, betas, expressions,
        read.numbers("posedirs", (n, 3, 9 * (len(joints) - 1))), uv, faces_uv, means, components,
    )


def _split(family: str, shapes: Array) -> tuple[Array, Array]:
    """Shape and expression directions, which SMPL-X keeps in one array.

    The released files hold 300 + 100 of them, or (first version) 10 + 10.
    """
    if family != "smplx":
        return shapes, shapes[..., :0]
    count = shapes.shape[-1]
    border = 300 if count >= 400 else min(10, count)
    return shapes[..., :border], shapes[..., border:]


def _texture(read: _Reader) -> tuple[Array | None, np.ndarray | None]:
    if "vt" not in read.arrays and "ft" not in read.arrays:
        return None, None
    for name, other in (("vt", "ft"), ("ft", "vt")):
        if name not in read.arrays:
            read.fail(name, f"is missing although {other} is there")
    uv = read.numbers("vt", (None, 2))
    if uv.min() < -1e-3 or uv.max() > 1 + 1e-3:
        read.fail("vt", "holds a texture coordinate outside 0..1")
    uv = np.stack([uv[:, 0], 1 - uv[:, 1]], 1).clip(0, 1)
    return uv, read.indices("ft", (None, 3), len(uv))


def _hands(read: _Reader, family: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """Mean and principal components of each hand's 15 rotation vectors."""
    means: dict[str, Array] = {}
    components: dict[str, Array] = {}
    if family == "smpl":
        return means, components
    for side in ("left", "right"):
        mean, basis = f"hands_mean{side[0]}", f"hands_components{side[0]}"
        if mean in read.arrays:
            means[side] = read.numbers(mean, (45,))
        if basis in read.arrays:
            components[side] = read.numbers(basis, (None, 45))
        if (mean in read.arrays) != (basis in read.arrays):
            lost = basis if mean in read.arrays else mean
            read.fail(lost, "is missing although its counterpart is there")
    return means, components
