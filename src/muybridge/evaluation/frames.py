"""Frames of anybody as a folder, so that what was made elsewhere can be measured too.

``ITEM/VIEW/FRAME.png`` with two and four digits, as ``novel-pose/03-motion1/00/0007.png``, or one
lossless video per view, ``ITEM/VIEW.mkv`` (FFV1, or H.264 in RGB). Pictures have the true size.
With transparency the person is put on the measuring ground; without, they have to stand before
it: grey of level 209 in all three channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.protocols import Item
from muybridge.evaluation.sample import over_ground
from muybridge.video import iter_video, write_image
from muybridge.video.images import read_image_alpha

LAYOUT = """\
Frames belong in FOLDER/ITEM/VIEW/FRAME.png, VIEW of two digits and FRAME of four, both counted from
0 on within the item; or in FOLDER/ITEM/VIEW.mkv, lossless and in RGB. Give transparency, or put the
person before grey of level 209. What the person looks like, reference/front.png with its camera and
pose, motion.npz and cameras.json lie in the clip's folder."""
LOSSLESS = ("ffv1", "h264", "png")
"""Codecs that can keep every pixel; H.264 only in RGB."""


@dataclass(frozen=True)
class Made:
    """What was made of an item, rounded to 8 bit as files hold it.

    Attributes:
        frames: colours as they are (not premultiplied), or over the ground without a matte.
        matte: share of the person in each pixel, in [0, 1]; ``None`` where it is not known.
    """

    frames: Float[Tensor, "V T 3 H W"]
    matte: Float[Tensor, "V T 1 H W"] | None

    @staticmethod
    def of(frames: Float[Tensor, "V T 3 H W"], matte: Float[Tensor, "V T 1 H W"]) -> Made:
        """A method's frames before nothing, and their mattes."""
        return Made(rounded(frames), rounded(matte))

    @property
    def on_ground(self) -> Float[Tensor, "V T 3 H W"]:
        """The person before the measuring ground."""
        if self.matte is None:
            return self.frames
        return rounded(over_ground(self.frames * self.matte, self.matte))


def rounded(values: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Values as 8 bit keep them, still in [0, 1]."""
    return (values.clamp(0, 1) * 255).round() / 255


def frame_file(folder: Path, item: Item, view: int, frame: int) -> Path:
    """Where one picture of an item lies: numbers count what is asked for, from 0 on."""
    return folder / item.name / f"{view:02d}" / f"{frame:04d}.png"


def video_file(folder: Path, item: Item, view: int) -> Path:
    """Where a view's video lies, if it is one."""
    return folder / item.name / f"{view:02d}.mkv"


def absent(folder: Path, items: Sequence[Item]) -> list[Path]:
    """Files that are wanted and not there."""
    wanted: list[Path] = []
    for item in items:
        for view in range(len(item.views)):
            if not video_file(folder, item, view).is_file():
                wanted += [frame_file(folder, item, view, t) for t in range(len(item.frames))]
    return [path for path in wanted if not path.is_file()]


def check_there(folder: Path, items: Sequence[Item]) -> None:
    """Refuses a folder in which something is missing.

    Raises:
        InputError: saying how much, and what first.
    """
    if not folder.is_dir():
        raise InputError(folder, "", "is no folder", "give the folder of the frames")
    missing = absent(folder, items)
    if missing:
        raise InputError(
            missing[0], "", f"is missing, and {len(missing) - 1} more files",
            "make what muybridge evaluate --list names, or choose with --protocol or --people",
        )


def write_frames(folder: Path, item: Item, made: Made) -> None:
    """Writes an item's pictures, with transparency where there is a matte."""
    whole = made.frames if made.matte is None else torch.cat([made.frames, made.matte], 2)
    levels = (whole * 255).round().to(torch.uint8).permute(0, 1, 3, 4, 2).contiguous().numpy()
    for view, row in enumerate(levels):
        frame_file(folder, item, view, 0).parent.mkdir(parents=True, exist_ok=True)
        for t, picture in enumerate(row):
            write_image(frame_file(folder, item, view, t), picture)


def read_frames(folder: Path, item: Item, size: tuple[int, int]) -> Made:
    """An item's pictures.

    Args:
        folder: of all items.
        item: which.
        size: width and height that they have to have.

    Raises:
        InputError: one is missing, damaged, of another size, or was coded with loss.
    """
    rows = [_view(folder, item, view, size) for view in range(len(item.views))]
    rgb = np.stack([[colour for colour, _ in row] for row in rows])
    frames = torch.from_numpy(rgb).permute(0, 1, 4, 2, 3).contiguous().float() / 255
    if all(alpha is None for row in rows for _, alpha in row):
        return Made(frames, None)
    opaque = np.full((size[1], size[0]), 255, np.uint8)
    alphas = np.stack([[opaque if a is None else a for _, a in row] for row in rows])
    return Made(frames, torch.from_numpy(alphas)[:, :, None].float() / 255)


def _view(
    folder: Path, item: Item, view: int, size: tuple[int, int]
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Colours ``[H, W, 3]`` and alphas ``[H, W]`` of all pictures of a view."""
    count = len(item.frames)
    video = video_file(folder, item, view)
    if video.is_file():
        _check_lossless(video)
        frames = list(iter_video(video))
        if len(frames) != count:
            raise InputError(video, "frames", f"are {len(frames)}", f"give {count}")
        for frame in frames:
            _check_size(video, frame, size)
        return [(frame, None) for frame in frames]
    pictures = []
    for t in range(count):
        path = frame_file(folder, item, view, t)
        pictures.append(read_image_alpha(path))
        _check_size(path, pictures[-1][0], size)
    return pictures


def _check_size(path: Path, picture: np.ndarray, size: tuple[int, int]) -> None:
    height, width = picture.shape[:2]
    if (width, height) != size:
        raise InputError(path, "size", f"is {width}x{height}", f"give {size[0]}x{size[1]} pixels")


def _check_lossless(path: Path) -> None:
    """Refuses videos whose pixels are not those that were written.

    Raises:
        InputError: it can't be read, or was coded with loss.
    """
    try:
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            name, form = context.name, str(context.pix_fmt)
    except (av.FFmpegError, IndexError, OSError):
        raise InputError(path, "", "is no video that can be read", "write it again") from None
    rgb = any(word in form for word in ("rgb", "gbr", "bgr"))
    if name not in LOSSLESS or not rgb:
        raise InputError(path, "codec", f"is {name} in {form}, which changes colours",
                         "write FFV1 in RGB, or PNG pictures")
