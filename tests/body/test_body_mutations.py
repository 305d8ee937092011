"""Files with random damage: what they hold is data, or the reader says what is wrong."""

from __future__ import annotations

import os
import pickle
import random
from pathlib import Path
from typing import Any

import model_files
import numpy as np
import pytest
import scipy.sparse
from hostile import JOBLIB, Evil, archive, array_of_objects, data, npy

from muybridge.body import load_body
from muybridge.body.restricted import load_arrays
from muybridge.errors import InputError

PLAIN = (bool, int, float, complex, str, bytes, np.ndarray, np.generic, type(None))


def is_data(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is dict and all(is_data(k) and is_data(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(is_data, value))
    return isinstance(value, PLAIN) and not (
        isinstance(value, np.ndarray) and value.dtype.hasobject
    )


def seeds(folder: Path) -> list[bytes]:
    small = model_files.model("smpl", vertices=24, betas=2)
    zipped = archive(folder / "s.npz", a=npy(np.arange(3)), b=npy(array_of_objects({"x": 1})))
    return [
        *(pickle.dumps(data(), p) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        JOBLIB,
        pickle.dumps({"J": scipy.sparse.csc_matrix(np.eye(3))}, 2),
        model_files.write_pickle(folder / "s.pkl", small).read_bytes()[-3000:],
        pickle.dumps({"e": Evil(os.system, "touch pwned")}),
        zipped.read_bytes(),
    ]


def mutate(raw: bytes, chance: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not out:
            break
        at = chance.randrange(len(out))
        kind = chance.randrange(6)
        if kind == 0:
            out[at] = chance.randrange(256)
        elif kind == 1:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del out[at : at + chance.randrange(1, 9)]
        elif kind == 3:
            out[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
        elif kind == 4:
            other = chance.randrange(len(out))
            out[at:at] = out[other : other + chance.randrange(1, 40)]
        else:
            del out[at:]
    return bytes(out)


def test_mutated_files_are_data_or_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(2026)
    starts = seeds(tmp_path)
    path = tmp_path / "mutant"
    read = refused = 0
    for _ in range(2200):
        path.write_bytes(mutate(chance.choice(starts), chance))
        try:
            value = load_arrays(path)
        except InputError:
            refused += 1
        else:
            assert is_data(value)
            read += 1
    assert not os.path.exists("pwned")
    assert read > 50 and refused > 1000


def test_mutated_model_files(tmp_path: Path) -> None:
    """Changed bytes in a body model: the body, or an InputError."""
    arrays = model_files.model("smpl", vertices=24, betas=2)
    raw = model_files.write_npz(tmp_path / "m.npz", arrays).read_bytes()
    pickled = model_files.write_pickle(tmp_path / "m.pkl", arrays).read_bytes()
    chance = random.Random(7)
    refused = 0
    for i in range(300):
        path = tmp_path / ("x.npz" if i % 2 else "x.pkl")
        path.write_bytes(mutate(raw if i % 2 else pickled, chance))
        try:
            load_body(path)
        except InputError:
            refused += 1
    assert refused > 150
