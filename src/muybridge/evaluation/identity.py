"""Identity: is it the same face? The result's faces beside the truth's, picture by picture.

``identity[hog]`` needs no weights. It is no face network and no figure of it can be compared
with papers': it describes a face coarsely, by which way edges run (a histogram of gradient
directions in 8 x 8 cells, on 16 pixels; Dalal & Triggs 2005) and by the colours of 4 x 4 fields.
From that it takes what anybody's face looks like from the same side, learned once from the
training people, and gives the cosine of what is left. So 1 is the same face, and people who
have nothing to do with each other come out around 0. It sees hair, beard, skin and the head's
outline, and light and sharpness too; it hardly sees features. On held-out people, whose heads
are 15 to 20 pixels high: strangers from the same side 0.0 +- 0.3 (one in twenty above 0.55),
the same face through a quarter of its pixels 0.8, the same person on another day and in another
pose 0.5.

With a face network of the user's own (:func:`face_network`), ``identity[NAME]`` is the cosine
of its embeddings, as papers give it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.crops import pair_of, places_of
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.pictures import mean_of
from muybridge.evaluation.sample import Sample

LEARNED = "faces.safetensors"
"""What anybody's face looks like; ``tools/make_faces.py`` makes it."""
NUMBERS = 8 * 8 * 8, 4 * 4 * 3
"""Of a description: cells of directions, and fields of colours."""
_SHRUNK, _CELL, _FIELD, _DIRECTIONS = 4, 2, 16, 8
_LUMA = (0.299, 0.587, 0.114)
_FAINT = 0.02
"""Gradients below this are not stretched to full contrast."""
_WINDOW = 0.55
"""Deviation of the weight of places, in half sides: corners show what is behind."""
_EDGES, _COLOURS = 2.58, 0.52
"""Deviations of the two parts over the training people, by which they are put on one scale."""
_SHARE = 0.6
"""How much colours count beside edges."""
_BATCH = 64


def describe(faces: Float[Tensor, "M 3 64 64"]) -> Float[Tensor, "M D"]:
    """A face's edges and colours, RGB in [0, 1]; see the module."""
    small = F.avg_pool2d(faces, _SHRUNK)
    grey = (small * small.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
    wide = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    x = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    y = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    strength = (x.square() + y.square()).sqrt()
    angle = torch.atan2(y, x) / (2 * torch.pi) * _DIRECTIONS
    number = torch.arange(_DIRECTIONS, device=faces.device)[:, None, None]
    half = _DIRECTIONS / 2
    apart = ((angle - number + half) % _DIRECTIONS - half).abs()
    cells = F.avg_pool2d((1 - apart).clamp(min=0) * strength, _CELL)
    around = F.pad(cells.square().sum(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    cells = cells / (F.avg_pool2d(around, 3, 1) + _FAINT**2).sqrt()
    fields = F.avg_pool2d(faces, _FIELD)
    return torch.cat([
        (cells * _weights(cells)).flatten(1) / _EDGES,
        (fields * _weights(fields)).flatten(1) * _SHARE / _COLOURS,
    ], 1)


def sides(towards: Float[Tensor, "M 3"]) -> Float[Tensor, "M 4"]:
    """What the look of anybody's face depends on: from which side it is seen.

    Args:
        towards: see :class:`~muybridge.evaluation.crops.Places`.
    """
    left, up, _ = towards.unbind(1)
    return torch.stack([torch.ones_like(left), left, left.square() - 0.2, up], 1)


def likeness(
    made: Float[Tensor, "M 3 64 64"],
    truth: Float[Tensor, "M 3 64 64"],
    towards: Float[Tensor, "M 3"],
) -> Float[Tensor, "M"]:  # noqa: F821
    """Cosine of two faces, in [-1, 1], each seen from the same side as the other.

    Args:
        made, truth: RGB in [0, 1], as :func:`~muybridge.evaluation.crops.cut` gives them.
        towards: from which side.
    """
    anybody = sides(towards) @ _learned()
    return F.cosine_similarity(describe(made) - anybody, describe(truth) - anybody)


@cache
def _learned() -> Float[Tensor, "4 D"]:
    """What anybody's face looks like, by :func:`sides`."""
    file = resources.files("muybridge.evaluation") / "data" / LEARNED
    with resources.as_file(file) as path:
        return load_file(path)["sides"].float()


def _weights(cells: Float[Tensor, "M C n n"]) -> Float[Tensor, "n n"]:
    count = cells.shape[-1]
    at = (torch.arange(count, device=cells.device) + 0.5) / count * 2 - 1
    return torch.exp(-(at[:, None].square() + at.square()) / (2 * _WINDOW**2))


def _hog(sample: Sample) -> dict[str, float]:
    made, truth = pair_of(sample, "face")
    towards = places_of(sample.surface, "face").towards
    return mean_of("identity[hog]", likeness(made, truth, towards))


METRICS: tuple[Metric, ...] = (
    Metric("identity[hog]", "", "higher", "Cosine of the edges and colours of the face to the "
           "truth's, less what anybody's have; not comparable to papers.", _hog),
)


def face_network(name: str, path: Path | str) -> Metric:
    """``identity[NAME]``: the cosine of the embeddings of a face network to the truth's.

    Args:
        name: what stands in brackets.
        path: a TorchScript file, whose code is run. It takes ``[M, 3, 112, 112]``, RGB in
            [-1, 1], and gives ``[M, D]``, as ArcFace and its like do. The eyes lie where
            ArcFace's template has them; they are put there by the exact body and not by a
            detector, so that both faces are cut alike however they came out.

    Raises:
        InputError: the file is absent or no TorchScript; when it is used: it gives no
            embeddings.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "", "is not there", "check the name")
    try:
        network = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, EOFError) as error:
        raise InputError(path, "", f"is no TorchScript file ({error})"[:300],
                         "save the network with torch.jit.save") from None
    label = f"identity[{name}]"

    @torch.no_grad()
    def embed(faces: Float[Tensor, "M 3 112 112"]) -> Float[Tensor, "M D"]:
        found = []
        for some in faces.split(_BATCH):
            try:
                value = network(2 * some - 1)
            except (RuntimeError, torch.jit.Error) as error:
                raise InputError(path, "", f"can't be run on faces ({error})"[:300],
                                 "give a network for faces of 112x112 pixels") from None
            if (
                not isinstance(value, Tensor) or value.ndim != 2 or len(value) != len(some)
                or not bool(torch.isfinite(value).all())
            ):
                raise InputError(path, "", "gives no row of numbers for each face",
                                 "give a network that ends in its embedding")
            found.append(value.float())
        return torch.cat(found)

    def function(sample: Sample) -> dict[str, float]:
        made, truth = pair_of(sample, "eyes")
        if not len(made):
            return {}
        return mean_of(label, F.cosine_similarity(embed(made), embed(truth)))

    return Metric(
        label, "", "higher", f"Cosine of the face's embedding by {name} to the truth's; only "
        "where the face is turned to the camera.", function,
    )
