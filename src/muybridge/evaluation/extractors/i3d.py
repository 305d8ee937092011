"""The I3D of Kinetics-400 that FVD is taken with, as the TorchScript file that circulates.

``i3d_torchscript.pt`` is StyleGAN-V's port of the network of the original FVD, equal to it up
to rounding. Features are its 400 numbers before the softmax, of clips of 16 frames of 224 x
224 pixels in [-1, 1]. Pictures are resized here (bilinear, pixel centres at +0.5, not
antialiased, stretched where they are not square) and the file is told not to; the original
resized with TensorFlow 1, whose pixel centres lie elsewhere.

**A TorchScript file is a program and is run when it is loaded.** Nothing but the very file
that the user named is loaded. Get it from its authors and compare its sum.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.extractors.extractor import Extractor, digest_of, to_square

SIZE, LENGTH, STRIDE = 224, 16, 8
FEATURES = 400


def i3d(path: Path, device: torch.device | str = "cpu", stride: int = STRIDE) -> Extractor:
    """The extractor of FVD, from the user's TorchScript file, whose code is run.

    Raises:
        InputError: the file is absent or no TorchScript; when it is used: it can't be called
            as ``(clips, rescale=, resize=, return_features=)``.
    """
    digest = digest_of(path)
    try:
        network = torch.jit.load(path, map_location=device).eval()
    except (RuntimeError, torch.jit.Error, ValueError, EOFError) as error:
        raise InputError(path, "", f"is no TorchScript file ({error})"[:300],
                         "give i3d_torchscript.pt, or download it again") from None

    def run(frames: Tensor) -> Tensor:
        clips = 2 * to_square(frames, SIZE, "bilinear", False).transpose(1, 2) - 1
        try:
            return network(clips, rescale=False, resize=False, return_features=True)
        except (RuntimeError, torch.jit.Error) as error:
            raise InputError(path, "", f"can't be run on clips ({error})"[:300],
                             "give i3d_torchscript.pt, or a clip's length it takes") from None

    return Extractor(
        name="i3d", score="fvd", kernel="kvd", kind="clip", length=LENGTH, stride=stride,
        size=SIZE, resize="bilinear, not antialiased", dimension=FEATURES, digest=digest,
        run=run, chunk=4, device=device,
    )
