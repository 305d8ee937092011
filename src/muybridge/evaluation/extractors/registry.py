"""Extractors by the name of their score, and how to get the weights of those that need any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from muybridge.errors import InputError, MissingWeights
from muybridge.evaluation.extractors.extractor import Extractor
from muybridge.evaluation.extractors.i3d import i3d
from muybridge.evaluation.extractors.inception import inception
from muybridge.evaluation.extractors.nano import nano
from muybridge.evaluation.extractors.resnet3d import resnet3d
from muybridge.evaluation.extractors.transformers_video import videomae, vjepa2


@dataclass(frozen=True)
class Source:
    """What has to be fetched, by the user, for an extractor."""

    make: Callable[[Path, torch.device | str], Extractor]
    what: str
    megabytes: int
    licence: str


_SOURCES = {
    "fid[inception-2015]": Source(
        inception, "pt_inception-2015-12-05-6726825d.pth, of the release fid_weights of "
        "mseitzer/pytorch-fid", 91, "Apache-2.0",
    ),
    "fid-vid[resnet3d-50]": Source(
        resnet3d, "resnet-50-kinetics.pth, of kenshohara/3D-ResNets-PyTorch (the first release, "
        "with which DisCo evaluates)", 190, "MIT",
    ),
    "fvd[i3d]": Source(
        i3d, "i3d_torchscript.pt, to which universome/stylegan-v and fvd-comparison point; "
        "a program, which is run", 51, "of the file not stated; of the original network "
        "Apache-2.0",
    ),
    "fvd[videomae]": Source(
        videomae, "a folder of VideoMAE for transformers, such as MCG-NJU/videomae-base", 377,
        "CC-BY-NC-4.0",
    ),
    "fvd[vjepa2]": Source(
        vjepa2, "a folder of V-JEPA 2 for transformers, such as "
        "facebook/vjepa2-vitl-fpc64-256", 1300, "MIT or Apache-2.0, as its page says",
    ),
}
_OWN = {"fd[nano]": "picture", "fd-vid[nano]": "clip"}
NAMES = (*_OWN, *_SOURCES)
"""What :func:`extractor` takes."""


def extractor(
    name: str,
    path: Path | None = None,
    device: torch.device | str = "cpu",
    stride: int | None = None,
) -> Extractor:
    """The extractor of a score.

    Args:
        name: one of :data:`NAMES`; what stands in brackets will do where one alone has it.
        path: its weights: a file, or a folder for VideoMAE and V-JEPA 2.
        device: where it runs.
        stride: frames between the starts of clips; half a clip by default. Papers mostly take
            a whole one.

    Raises:
        InputError: there is no such extractor, it takes no weights, the weights don't fit, or
            the stride is below 1 or given for pictures.
        MissingWeights: it needs weights and no path was given; the text says which.
    """
    label = _label(name)
    if label in _OWN:
        if path is not None:
            raise InputError(label, "path", f"is {path}, but it needs no weights", "leave it out")
        found = nano(_OWN[label], device)
    elif path is None:
        source = _SOURCES[label]
        raise MissingWeights(
            f"{label} needs weights, which are not part of muybridge. To get them:\n"
            f"  {source.what}\n"
            f"  about {source.megabytes} MB, licence: {source.licence}\n"
            f"and give their path. {' and '.join(_OWN)} need none."
        )
    else:
        found = _SOURCES[label].make(Path(path), device)
    if stride is None:
        return found
    if found.kind == "picture" or stride < 1:
        raise InputError(label, "stride", f"is {stride}", "leave it out for pictures"
                         if found.kind == "picture" else "give at least 1")
    return replace(found, stride=stride)


def _label(name: str) -> str:
    fits = [label for label in NAMES if name in (label, label.partition("[")[2].rstrip("]"))]
    if len(fits) != 1:
        raise InputError(
            "extractor", "name", f"{name!r} names {'more than one' if fits else 'none'}",
            "use one of " + ", ".join(fits or NAMES),
        )
    return fits[0]
