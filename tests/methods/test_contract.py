"""What holds for every method, tried on every one that can be loaded here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch

from muybridge import methods
from muybridge.camera import Cameras, build_cameras
from muybridge.errors import InputError
from muybridge.methods import Background
from muybridge.methods.overview import overview
from muybridge.motion import clips, retarget

READY = [
    f"{method['name']}-{size['name']}"
    for method in overview() for size in method["sizes"] if size["ready"]
]
SIZE = 64


@pytest.fixture(scope="module", params=READY)
def pipe(request):
    return methods.load(request.param)


def scene(person, frames=5, camera="orbit:3", name="wave"):
    motion = retarget(clips.make(name, frames), person.rest_joints)
    cameras = build_cameras(camera, person.posed(motion).joints, width=SIZE, height=SIZE + 16)
    return motion, cameras


@pytest.fixture(scope="module")
def whole(pipe, painted):
    """The video that other ways to the same frames are compared with; made once a method."""
    return pipe(painted, *scene(painted), chunk=5)


def test_shapes_ranges_and_what_came_in(pipe, painted, whole):
    motion, cameras = scene(painted)
    video = pipe(painted, motion, cameras)
    assert torch.equal(video.frames, whole.frames) and torch.equal(video.matte, whole.matte)
    assert video.frames.shape == (3, 5, 3, SIZE + 16, SIZE)
    assert video.matte.shape == (3, 5, 1, SIZE + 16, SIZE)
    for values in (video.frames, video.matte):
        assert values.dtype == torch.float32
        assert torch.isfinite(values).all() and values.min() >= 0 and values.max() <= 1
    assert video.fps == motion.fps and video.cameras is cameras and video.motion is motion
    assert 0.02 < float(video.matte.mean()) < 0.6


def test_the_same_arguments_give_the_same_frames(pipe, painted):
    motion, cameras = scene(painted, frames=2, camera="static:20")
    first, second = (pipe(painted, motion, cameras, seed=7) for _ in range(2))
    assert torch.equal(first.frames, second.frames) and torch.equal(first.matte, second.matte)


@pytest.mark.parametrize(("camera", "chunks"), [("orbit:3", (2,)), ("arc:60", (1, 3))])
def test_chunks_change_nothing(pipe, painted, whole, camera, chunks):
    motion, cameras = scene(painted, camera=camera)
    if camera != "orbit:3":
        whole = pipe(painted, motion, cameras, chunk=5)
    for chunk in chunks:
        pieces = list(pipe.stream(painted, motion, cameras, chunk=chunk))
        assert [p.start for p in pieces] == list(range(0, 5, chunk))
        assert torch.equal(torch.cat([p.frames for p in pieces], 1), whole.frames)
        assert torch.equal(torch.cat([p.matte for p in pieces], 1), whole.matte)


def test_a_later_start_gives_the_same_later_frames(pipe, painted, whole):
    motion, cameras = scene(painted)
    for start in (2, 5):
        rest = list(pipe.stream(painted, motion, cameras, start=start))
        assert sum(p.frames.shape[1] for p in rest) == 5 - start
        for piece in rest:
            stop = piece.start + piece.frames.shape[1]
            assert torch.equal(piece.frames, whole.frames[:, piece.start : stop])


def test_one_view_and_one_frame(pipe, painted):
    motion, cameras = scene(painted, frames=1, camera="static:0")
    assert pipe(painted, motion, cameras).frames.shape[:2] == (1, 1)


def test_views_do_not_know_of_each_other_where_nothing_is_shared(pipe, painted, whole):
    motion, cameras = scene(painted)
    if pipe.spec.name != "avatar":
        pytest.skip("views of this method see each other")
    alone = pipe(painted, motion, cameras.select([1])).frames
    assert torch.equal(whole.frames[1:2], alone)


def test_backgrounds(pipe, painted):
    motion, cameras = scene(painted, frames=2, camera="static:20")
    black = Background("picture", torch.zeros(3, 8, 8))
    plain, transparent, picture = (
        pipe(painted, motion, cameras, background=ground)
        for ground in (Background("plain"), Background("transparent"), black)
    )
    for video in (transparent, picture):  # the person is the same on every ground
        inside = video.matte[:, :, 0] > 1 - 1e-6
        assert inside.any() and torch.equal(video.matte, plain.matte)
        assert (video.frames - plain.frames).abs().amax(2)[inside].max() < 1e-5
    outside = (picture.matte == 0).expand_as(picture.frames)
    assert outside.any() and picture.frames[outside].max() == 0 < plain.frames[outside].min()


def test_progress_is_told_to_the_end(pipe, painted):
    motion, cameras = scene(painted, camera="static:0")
    told: list[tuple[int, int]] = []
    pipe(painted, motion, cameras, chunk=2, callback=lambda done, of: told.append((done, of)))
    assert told[-1] == (5, 5) and told == sorted(told)


def test_arguments_that_do_not_fit_are_refused(pipe, painted):
    motion, cameras = scene(painted)
    for bad in ({"chunk": 0}, {"start": -1}, {"start": 6}):
        with pytest.raises(InputError):
            list(pipe.stream(painted, motion, cameras, **bad))
    with pytest.raises(InputError, match="frames"):
        pipe(painted, motion.slice(0, 3), cameras)
    with pytest.raises(InputError):
        pipe(painted, motion.slice(0, 0), cameras.slice(0, 0))


def test_a_person_turned_around_is_seen_from_behind(pipe, painted):
    if "front+back" not in pipe.spec.reference:
        pytest.skip("this method is shown the front alone, and guesses the back")
    motion, cameras = scene(painted, frames=1, camera="static:0,180", name="idle")
    video = pipe(painted, motion, cameras)
    red = [
        float((video.frames[v, 0, 0] * video.matte[v, 0, 0]).sum() / video.matte[v].sum())
        for v in (0, 1)
    ]
    assert red[0] > red[1] + 0.2  # only the front of the painted person is red


def test_a_motion_of_another_body_is_put_on_this_one(pipe, painted):
    raw = clips.make("wave", 3)
    placed = retarget(raw, painted.rest_joints)
    cameras = build_cameras("static:0", painted.posed(placed).joints, width=SIZE, height=SIZE)
    video = pipe(painted, raw, cameras)
    assert torch.equal(video.frames, pipe(painted, placed, cameras).frames)
    assert torch.equal(video.motion.root_position, placed.root_position)


def test_saving_a_video(whole, tmp_path):
    folder = whole.save(tmp_path / "video")
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"plate.png", "views/00.mp4", "views/02.mp4", "cameras.json", "motion.npz"} <= names
    assert torch.allclose(Cameras.load(folder / "cameras.json").K, whole.cameras.K)


FREED = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536",
         "MALLOC_TRIM_THRESHOLD_": "65536"}
"""With these glibc gives back what is freed. Else holes between blocks grow with the frames, too:
three tries of ``copy`` added 21, 24 and 2 MB so, with these 0.1 each."""


@pytest.fixture(scope="module")
def growth(painted_folder) -> dict[str, int]:
    """KB that 16 frames more add to each method's peak, what it says it keeps taken off.

    One process loads what all methods need; each method is tried in a fork of it. Nine frames
    are more than what methods prepare together, so their blocks are full.
    """
    code = f"""
        import json, os, resource, traceback, torch
        from muybridge import methods
        from muybridge.camera import build_cameras
        from muybridge.motion import clips, retarget
        from muybridge.person import Person
        torch.set_num_threads(1)
        person = Person.load({str(painted_folder)!r})
        def peak(pipe, frames):
            motion = retarget(clips.make("wave", frames), person.rest_joints)
            points = person.posed(motion.slice(0, 1)).joints.expand(frames, -1, -1)
            cameras = build_cameras("static:30", points, width=448, height=448)
            for piece in pipe.stream(person, motion, cameras, chunk=2):
                pass
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = {{}}
        for name in {READY!r}:
            told, tell = os.pipe()
            if not os.fork():
                try:
                    pipe = methods.load(name)
                    few = peak(pipe, 9)
                    more = peak(pipe, 25) - few - 16 * pipe.kept_bytes // 1024
                    os.write(tell, str(more).encode())
                except Exception:
                    traceback.print_exc()
                finally:
                    os._exit(0)
            os.close(tell)
            found[name] = int(os.fdopen(told).read())
            os.wait()
        print(json.dumps(found))
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True,
        env=os.environ | FREED,
    )
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", READY)
def test_memory_does_not_grow_with_frames(growth, name):
    # the frames of the longer video alone would be 50 MB
    assert growth[name] < 25_000
