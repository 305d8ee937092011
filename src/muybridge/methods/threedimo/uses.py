"""What 3DiMo is used for: driving by a video, a view change of one picture, stabilisation.

Motion tokens hold a pose, not where somebody stands, looks, or was filmed from. So whichever way
the filmed person looks, the painted one stands at the origin and looks to azimuth 0, as in their
photo (the paper's alignment of the facing direction), and the words for the camera count from
there: ``"Left side view."`` shows their left side.

>>> pipe = muybridge.load("3dimo")
>>> frames, fps = muybridge.video.read_video("dance.mp4")
>>> drive(pipe, person, frames, camera="The camera arcs left by 90 degrees.", fps=fps).save("out")
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.camera import build_cameras
from muybridge.errors import InputError
from muybridge.methods.background import Background
from muybridge.methods.driving import LONGEST, compact, outstretched, standing
from muybridge.methods.forearms import hand_places
from muybridge.methods.pipeline import Callback, HumanVideo, HumanVideoPipeline, on_body
from muybridge.methods.reference import reference_of
from muybridge.person import Person
from muybridge.person.cutting import cut_out
from muybridge.person.keypoints import Keypoints

STATIC = "The camera remains static."
"""Words of a driven video, and of a stabilised one, where nothing else is said."""
AROUND = "The camera arcs left all the way around."
"""Words of a view change, where nothing else is said."""

Frames = UInt8[np.ndarray, "T H W 3"]
Mattes = UInt8[np.ndarray, "M h w"]


def drive(
    pipe: HumanVideoPipeline,
    person: Person,
    frames: Frames,
    *,
    mattes: Mattes | None = None,
    keypoints: Sequence[Keypoints] | None = None,
    camera: str = STATIC,
    fps: Fraction | int = 24,
    size: tuple[int, int] = (512, 512),
    seed: int = 0,
    background: Background | None = None,
    callback: Callback | None = None,
) -> HumanVideo:
    """A person in the motion of a video of somebody else.

    Args:
        pipe: from ``muybridge.load("3dimo")``, or another that takes a driving video.
        person: who is painted.
        frames: RGB of the driving video, one person in it.
        mattes: the driving person's share of each pixel, 0 to 255; found by itself if absent.
        keypoints: of the driving person's body in each frame, which tell where the hands are;
            hands are not seen otherwise.
        camera: words, a built-in path or a file; see :func:`muybridge.camera.build_cameras`.
        fps: frames per second, of both videos.
        size: width and height of the result, pixels.
        seed: of the noise.
        background: behind the person; a plain studio where none is given.
        callback: told of progress.

    Raises:
        InputError: nobody is seen in the video, its mattes don't fit it, the camera is not
            understood, or the pipeline takes no driving video.
    """
    return _driven(
        pipe, person, driving_pictures(frames, mattes), camera, Fraction(fps), size, seed,
        background, callback, _hands(frames, keypoints),
    )


def orbit_still(
    pipe: HumanVideoPipeline,
    person: Person,
    frames: int = 24,
    *,
    camera: str = AROUND,
    fps: Fraction | int = 24,
    size: tuple[int, int] = (512, 512),
    seed: int = 0,
    background: Background | None = None,
    callback: Callback | None = None,
) -> HumanVideo:
    """Other views of a picture: the person's photo, held, is the driving video.

    Args:
        frames: how many.

    The others are of :func:`drive`. A person without photos is drawn from the front.

    Raises:
        InputError: there are no frames, or the camera is not understood.
    """
    if frames < 1:
        raise InputError("frames", "", f"is {frames}", "give 1 or more")
    picture = reference_of(person, LONGEST * 3 // 4, LONGEST).picture[None]
    held = compact(picture).expand(frames, -1, -1, -1)
    return _driven(
        pipe, person, held, camera, Fraction(fps), size, seed, background, callback
    )


def stabilise(
    pipe: HumanVideoPipeline,
    frames: Frames,
    *,
    mattes: Mattes | None = None,
    keypoints: Sequence[Keypoints] | None = None,
    person: Person | None = None,
    camera: str = STATIC,
    fps: Fraction | int = 24,
    size: tuple[int, int] = (512, 512),
    seed: int = 0,
    background: Background | None = None,
    callback: Callback | None = None,
) -> HumanVideo:
    """A video by a shaking hand, painted anew with a camera that stays.

    It is driven by itself, and its first frame is the reference.

    Args:
        frames: RGB of the video, one person in it, who looks to the camera in the first frame.
        mattes, keypoints: see :func:`drive`.
        person: fitted to the first frame, where there is such a fit already.

    The others are of :func:`drive`.

    Raises:
        InputError: see :func:`drive`; or no person can be fitted to the first frame.
    """
    pictures = driving_pictures(frames, mattes)
    if person is None:
        mask = None if mattes is None else mattes[0]
        person = Person.from_photo(frames[0], mask=mask, layout="single")
    return _driven(
        pipe, person, pictures, camera, Fraction(fps), size, seed, background, callback,
        _hands(frames, keypoints),
    )


def driving_pictures(frames: Frames, mattes: Mattes | None = None) -> UInt8[Tensor, "T 4 y x"]:
    """A driving video as pipelines take it; reduced where it is large.

    Args:
        frames: RGB.
        mattes: the person's share of each pixel; cut out by a simple matte if absent.

    Returns:
        RGB premultiplied over black, and matte.

    Raises:
        InputError: there are no frames, or mattes of other extent.
    """
    if len(frames) < 1:
        raise InputError("frames", "", "are none", "give at least one")
    if mattes is not None and mattes.shape != frames.shape[:3]:
        raise InputError(
            "mattes", "", f"are {_extent(mattes.shape)}, the frames {_extent(frames.shape[:3])}",
            "give one of each frame, equally large",
        )
    made = []
    for t, frame in enumerate(frames):
        matte = _share(cut_out(frame) if mattes is None else mattes[t])
        colour = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].float()
        made.append(compact(torch.cat([colour / 255 * matte, matte], 1)))
    return torch.cat(made)


def _driven(
    pipe: HumanVideoPipeline, person: Person, pictures: UInt8[Tensor, "T 4 y x"], camera: str,
    fps: Fraction, size: tuple[int, int], seed: int, background: Background | None,
    callback: Callback | None, hands: Float[Tensor, "T 2 2"] | None = None,
) -> HumanVideo:
    """The video that pictures drive."""
    motion = on_body(standing(len(pictures), fps), person)
    posed = person.posed(outstretched(motion.slice(0, 1)))
    room = torch.cat([posed.joints, posed.vertices[:, ::61]], 1)
    cameras = build_cameras(
        camera, room, frames=len(pictures), width=size[0], height=size[1], fps=fps
    )
    return pipe.driven_by(pictures, hands)(
        person, motion, cameras, seed=seed, background=background, callback=callback
    )


def _hands(
    frames: Frames, keypoints: Sequence[Keypoints] | None
) -> Float[Tensor, "T 2 2"] | None:
    """Where the hands are, if that is told.

    Raises:
        InputError: keypoints are those of another number of frames.
    """
    if keypoints is None:
        return None
    if len(keypoints) != len(frames):
        raise InputError("keypoints", "", f"are those of {len(keypoints)} frames",
                         f"give those of {len(frames)}")
    return hand_places(keypoints, frames.shape[2], frames.shape[1])


def _share(matte: UInt8[np.ndarray, "H W"]) -> Float[Tensor, "1 1 H W"]:
    return torch.from_numpy(np.ascontiguousarray(matte))[None, None].float() / 255


def _extent(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
