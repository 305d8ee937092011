"""Videos cut into the items that an extractor takes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.extractors.extractor import Extractor


def starts(frames: int, length: int, stride: int) -> range:
    """First frames of the clips of a video: every ``stride`` as long as a whole clip follows.

    What is left at the end belongs to no clip. A shorter video has none.
    """
    return range(0, frames - length + 1, stride)


def cut(
    video: Float[Tensor, "V T 3 H W"], extractor: Extractor, source: str = "video"
) -> Float[Tensor, "N L 3 H W"]:
    """The items of a video, view after view, each in the order of time.

    Single pictures, or clips of neighbouring frames that start every ``extractor.stride``
    frames. Clips overlap where the stride is below the length, so that of 24 frames none is
    left out; they are then not independent, and a score is known less well than its number
    of items says. Nothing is ever padded or repeated.

    Args:
        video: RGB, of any range.
        extractor: whose length and stride count.
        source: of the video, for the error.

    Returns:
        ``[V * K, length, 3, H, W]`` of ``K`` items per view.

    Raises:
        InputError: the video is shorter than a clip.
    """
    first = starts(video.shape[1], extractor.length, extractor.stride)
    if not first:
        raise InputError(
            source, "frames", f"are {video.shape[1]}, fewer than the {extractor.length} of a clip "
            f"of {extractor.label}", "give a longer video; short ones are not padded",
        )
    clips = video.unfold(1, extractor.length, extractor.stride)  # V K 3 H W length
    return clips.permute(0, 1, 5, 2, 3, 4).flatten(0, 1).contiguous()
