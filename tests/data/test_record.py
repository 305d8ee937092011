"""A clip knows its pictures, its body and what belongs together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import small_clips
import torch

from muybridge.body import Shape
from muybridge.data.pictures import HeldPictures, decode, encode
from muybridge.errors import InputError


def test_pictures_are_those_of_the_views_and_frames_asked_for():
    clip = small_clips.clip()
    whole = clip.read()
    assert whole.frames.shape == (3, 4, 3, 64, 48) and whole.matte.shape == (3, 4, 1, 64, 48)
    part = clip.read([2, 0], [3])
    assert torch.equal(part.frames, whole.frames[[2, 0]][:, [3]])
    assert float(whole.frames.max()) <= 1.0
    assert not bool((whole.frames.amax(2, keepdim=True) > 0)[whole.matte == 0].any())


def test_a_selection_is_a_clip_whose_cameras_and_motion_follow():
    clip = small_clips.clip()
    part = clip.select([2, 1], [3, 0]).checked("part")
    assert (part.views, part.frames, part.size) == (2, 2, (48, 64))
    assert torch.equal(part.read().frames, clip.read().frames[[2, 1]][:, [3, 0]])
    assert torch.equal(part.motion.root_position, clip.motion.root_position[[3, 0]])
    again = part.select([1], [1])
    assert torch.equal(again.read().frames, clip.read([1], [0]).frames)
    assert torch.equal(again.cameras.T_cam_world[0, 0], clip.cameras.T_cam_world[1, 0])


def test_maps_of_the_body_lie_on_the_pictures():
    clip = small_clips.clip()
    shot = clip.read()
    # the clip was painted with these very maps
    assert float((clip.normals("gas") - shot.frames).abs().max()) <= 0.5 / 255 + 1e-6
    person = shot.matte > 0
    assert torch.equal(clip.parts() > 0, person)
    assert torch.equal(clip.depth() > 0, person)
    assert torch.equal(clip.uv()[:, :, 2:] > 0, person)
    part = clip.select([1], [2])
    # skinning one frame or four rounds differently in the last bit
    assert float((part.depth() - clip.depth()[1:2, 2:3]).abs().max()) < 1e-5


def test_a_licensed_body_has_to_be_given():
    clip = replace(small_clips.clip(), body="smplx", shape=Shape(betas=(0.1,)))
    with pytest.raises(InputError, match="body: is smplx.*load it with"):
        clip.normals()


def test_references_over_black_are_premultiplied():
    clip = small_clips.clip()
    front = clip.references["front"]
    rgba = front.rgba.copy()
    rgba[..., 3] //= 2
    half = replace(front, rgba=rgba)
    assert torch.allclose(half.over_black, front.over_black * half.matte, atol=1e-6)
    assert float(half.matte.max()) == pytest.approx(127 / 255)


@pytest.mark.parametrize("change, what", [
    ({"motion": "short"}, "motion: has 3 frames"),
    ({"cameras": "fewer"}, "cameras: are 2 x 4"),
    ({"cameras": "larger"}, "cameras: see 96x128"),
    ({"reference": "larger"}, "reference front: and its camera"),
])
def test_parts_that_do_not_belong_together(change, what):
    clip = small_clips.clip()
    if "motion" in change:
        clip = replace(clip, motion=clip.motion.slice(0, 3))
    elif "reference" in change:
        front = clip.references["front"]
        wrong = replace(front, camera=front.camera.resized(96, 128))
        clip = replace(clip, references={"front": wrong})
    else:
        rig = clip.cameras.select([0, 1]) if change["cameras"] == "fewer" else (
            clip.cameras.resized(96, 128)
        )
        clip = replace(clip, cameras=rig)
    with pytest.raises(InputError, match=what):
        clip.checked("clip")


@pytest.mark.parametrize("shape", [(5, 64, 48), (3, 17, 33), (1, 130, 96)])
def test_videos_lose_nothing_and_are_the_same_every_time(shape):
    rng = np.random.default_rng(0)
    for channels in (3, 1):
        pictures = rng.integers(0, 256, (*shape, 3) if channels == 3 else shape, dtype=np.uint8)
        data = encode(pictures)
        assert data == encode(pictures)
        assert (decode(data, shape, channels, "x") == pictures).all()
        wanted = [shape[0] - 1, 0, 0]
        assert (decode(data, shape, channels, "x", wanted) == pictures[wanted]).all()


def test_a_clip_can_be_held_in_memory():
    clip = small_clips.clip().select([0], [1])
    held = clip.loaded()
    assert isinstance(held.pictures, HeldPictures)
    small_clips.same(clip, held)
