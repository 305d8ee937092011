"""Data sets of others become the same records: joints lie where the pictures show them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import foreign_sets
import numpy as np
import pytest
import torch

from muybridge.body import Shape
from muybridge.data import read_clip, write_clip
from muybridge.data.monocular import read_monocular
from muybridge.data.mvhumannet import read_mvhumannet
from muybridge.errors import InputError

# float32 files and matrices: a few thousandths of a pixel of 64
CLOSE = 2e-4


@pytest.fixture(scope="module")
def walk():
    return foreign_sets.truth()


@pytest.fixture(scope="module")
def outfit(walk, tmp_path_factory):
    return foreign_sets.mvhumannet(tmp_path_factory.mktemp("mv") / "100021", walk)


@pytest.fixture(scope="module")
def plus(walk, tmp_path_factory):
    return foreign_sets.mvhumannet_plus(tmp_path_factory.mktemp("mvpp") / "100831", walk)


def test_mvhumannet(outfit, walk):
    clip = read_mvhumannet(outfit)
    assert (clip.views, clip.frames, clip.size) == (4, 3, foreign_sets.SIZE)
    assert float((walk.seen(clip) - walk.pixels).abs().max()) < CLOSE
    rgb, matte = clip.raw()
    assert (matte == walk.matte).all() and (rgb == walk.rgb).all()
    assert (clip.body, clip.name, clip.motion.fps) == ("smplx", "100021", 5)
    assert clip.shape.betas == pytest.approx(foreign_sets.BETAS)
    assert "non-commercial" in clip.licence and "frame rate" in " ".join(clip.motion.notes)
    # +Y is up and the feet are on the ground
    joints = walk.joints(clip.motion)
    assert float(joints[:, 15, 1].min()) > 1.3 and -0.02 < float(joints[..., 1].min()) < 0.1


def test_mvhumannet_plus(plus, walk):
    clip = read_mvhumannet(plus)
    assert (clip.views, clip.frames, clip.motion.fps) == (4, 2, 1)
    assert float((walk.seen(clip) - walk.pixels[:, :2]).abs().max()) < CLOSE
    assert clip.parameters["frames"] == ["0025", "0050"]
    # camera 0 stands towards +Z, where ReImagine's maps are blue
    ahead = clip.cameras.centers[0, 0] - clip.cameras.centers[:, 0].mean(0)
    assert abs(float(ahead[0])) < 1e-3 < 1 < float(ahead[2])
    front = clip.references["front"]
    # the A-pose picture, the last row, by the camera before the person
    assert (front.rgba[..., 3] == walk.matte[0, 2]).all()
    seen = front.camera.project(walk.joints(front.pose))[0]
    size = torch.tensor([float(s) for s in foreign_sets.SIZE])
    assert float((seen / size - walk.pixels[0, 2]).abs().max()) < CLOSE
    assert (clip.references["back"].rgba[..., 3] == walk.matte[2, 2]).all()


def test_older_folder_names_some_cameras_some_frames_smaller(walk, tmp_path):
    folder = foreign_sets.mvhumannet(tmp_path / "x", walk, "images", "fmask")
    clip = read_mvhumannet(folder, cameras=["24", "22"], frames=[2], longest=40)
    assert (clip.views, clip.frames, clip.size) == (2, 1, (32, 40))
    assert float((walk.seen(clip) - walk.pixels[[2, 0], 2:]).abs().max()) < CLOSE
    rgb, matte = clip.raw()
    whole = walk.matte[2, 2].reshape(40, 2, 32, 2).mean((1, 3))
    assert np.abs(matte[0, 0] - whole).max() <= 1
    # a record that can be kept as any other
    kept = read_clip(write_clip(clip, tmp_path / "kept"))
    assert (kept.raw()[0] == rgb).all() and kept.body == "smplx"
    assert list(kept.references) == ["front", "back"]


def broken(folder, case: str) -> None:
    params = folder / "smplx" / "smpl" / "000001.json"
    person = json.loads(params.read_text())
    if case == "no parameters":
        params.unlink()
    elif case == "no json":
        params.write_text("[")
    elif case == "nobody":
        params.write_text("[]")
    elif case == "few numbers":
        person[0]["poses"] = [[0.0] * 72]
        params.write_text(json.dumps(person))
    elif case == "not finite":
        person[0]["Th"] = [[float("nan"), 0, 0]]
        params.write_text(json.dumps(person))
    elif case == "no mask":
        (folder / "fmask_lr" / "23" / "0010_img_fmask.png").unlink()
    elif case == "mask of another size":
        from muybridge.video import write_image

        path = folder / "fmask_lr" / "23" / "0010_img_fmask.png"
        write_image(path, np.zeros((20, 20), np.uint8))
    elif case == "picture cut off":
        path = folder / "images_lr" / "23" / "0010_img.png"
        path.write_bytes(path.read_bytes()[:200])
    elif case == "no pictures":
        shutil.rmtree(folder / "images_lr" / "23")
        (folder / "images_lr" / "23").mkdir()
    elif case == "odd number":
        for name in ("22", "23", "24", "25"):
            (folder / "images_lr" / name / "0010_img.png").rename(
                folder / "images_lr" / name / "0011_img.png"
            )
    elif case == "no cameras":
        (folder / "camera_extrinsics.json").unlink()
    elif case == "nothing":
        shutil.rmtree(folder / "fmask_lr")


@pytest.mark.parametrize("case, what", [
    ("no parameters", "000001.json"), ("no json", "000001.json"), ("nobody", "000001.json"),
    ("few numbers", "poses"), ("not finite", "Th"), ("no mask", "0010_img_fmask"),
    ("mask of another size", "20x20"), ("picture cut off", "0010_img"),
    ("no pictures", "no frame is there"), ("odd number", "no multiple of 5"),
    ("no cameras", "camera_extrinsics"), ("nothing", "is of neither"),
])
def test_a_damaged_outfit(case, what, outfit, tmp_path):
    folder = tmp_path / "o"
    shutil.copytree(outfit, folder)
    broken(folder, case)
    with pytest.raises(InputError) as told:
        read_mvhumannet(folder).raw()
    assert what in str(told.value)


@pytest.mark.parametrize("case, what", [
    ("short", "has 1 rows"), ("no orient", "global_orient"), ("pickle", "smplx_params.npz"),
    ("singular", "K"), ("no camera", "camera.npz"),
])
def test_a_damaged_outfit_of_plus(case, what, plus, tmp_path):
    folder = tmp_path / "o"
    shutil.copytree(plus, folder)
    table = dict(np.load(plus / "smplx_params.npz"))
    camera = folder / "cameras" / "cam_01" / "camera.npz"
    if case == "short":
        table = {k: v[:1] for k, v in table.items()}
    elif case == "no orient":
        del table["global_orient"]
    elif case == "singular":
        np.savez(camera, intrinsic=np.zeros((3, 3)), extrinsic=np.eye(4)[:3])
    elif case == "no camera":
        camera.unlink()
    np.savez(folder / "smplx_params.npz", **table)
    if case == "pickle":
        (folder / "smplx_params.npz").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError) as told:
        read_mvhumannet(folder)
    assert what in str(told.value)


def test_what_is_asked_for_has_to_be_there(outfit, tmp_path):
    for wrong in ({"cameras": ["99"]}, {"cameras": []}, {"frames": [3]}, {"frames": []}):
        with pytest.raises(InputError):
            read_mvhumannet(outfit, **wrong)
    with pytest.raises(InputError, match="is no folder"):
        read_mvhumannet(tmp_path / "nothing")


# ------------------------------------------------------------------------ one camera


@pytest.fixture(scope="module")
def moving():
    """A camera that travels."""
    return foreign_sets.truth(frames=5, fps=24, spec="arc:60,fov=50")


@pytest.fixture(scope="module")
def still():
    """A camera with the lens that 4D-Humans assumes, level, far away."""
    walk = foreign_sets.truth(frames=4, fps=24, spec="static:20,elevation=0")
    focal = 5000 / 256 * max(foreign_sets.SIZE)
    K = walk.cameras.K.clone()
    zoom = focal / float(K[0, 0, 0, 0])
    K[..., 0, 0] = K[..., 1, 1] = focal
    T = walk.cameras.T_cam_world.clone()
    T[..., 2, 3] *= zoom
    cameras = replace(walk.cameras, K=K, T_cam_world=T)
    import small_clips

    return foreign_sets.Truth(walk.motion, cameras, *small_clips.painted(walk.motion, cameras))


def test_a_film_with_gvhmr(moving, tmp_path):
    foreign_sets.film(tmp_path, moving)
    foreign_sets.gvhmr(tmp_path / "hmr4d_results.pt", moving)
    clip = read_monocular(tmp_path, licence="mine", split="test")
    assert (clip.views, clip.frames, clip.size, clip.motion.fps) == (1, 5, foreign_sets.SIZE, 24)
    assert float((moving.seen(clip) - moving.pixels).abs().max()) < CLOSE
    rgb, matte = clip.raw()
    assert (rgb == moving.rgb).all() and (matte == moving.matte).all()
    assert (clip.body, clip.split, clip.licence) == ("smplx", "test", "mine")
    assert clip.shape.betas == pytest.approx(foreign_sets.BETAS)
    assert list(clip.references) == ["front"]
    assert (clip.read([0], [4, 1]).matte == clip.read().matte[:, [4, 1]]).all()


def test_a_film_with_phalp_whose_track_begins_later(still, tmp_path):
    foreign_sets.film(tmp_path, still, before=2)
    foreign_sets.phalp(tmp_path / "demo.pkl", still, before=2)
    clip = read_monocular(tmp_path)
    assert clip.frames == 4 and clip.parameters["first_frame"] == 2
    assert float((still.seen(clip) - still.pixels).abs().max()) < 5 * CLOSE  # a lens of 3 degrees
    assert (clip.raw()[1] == still.matte).all()
    assert clip.body == "smpl" and "PHALP" in clip.source


def test_pictures_with_our_own_motion_and_cameras(moving, tmp_path):
    from muybridge.video import write_image

    for t in range(5):
        write_image(tmp_path / "frames" / f"{t:03d}.png", moving.rgb[0, t])
        write_image(tmp_path / "masks" / f"{t:03d}.png", moving.matte[0, t])
    moving.motion.save(tmp_path / "motion.npz")
    moving.cameras.save(tmp_path / "cameras.json")
    clip = read_monocular(tmp_path, shape=Shape(height=0.6), longest=40)
    assert clip.size == (32, 40) and clip.body == "anny" and clip.shape.height == 0.6
    assert float((moving.seen(clip) - moving.pixels).abs().max()) < CLOSE
    # one camera that stands still serves all frames
    moving.cameras.slice(0, 1).save(tmp_path / "cameras.json")
    assert read_monocular(tmp_path).cameras.frames == 5


@pytest.mark.parametrize("case, what", [
    ("no video", "video: is missing"), ("no mask", "mask: is missing"),
    ("no motion", "motion: is missing"), ("two motions", "could be"),
    ("short film", "the film has 3"), ("mask of another size", "size: is not the film's"),
    ("no incam", "smpl_params_incam"), ("fewer lenses", "K_fullimg"), ("no cameras", "cameras"),
    ("moving cameras too few", "2 for 5 pictures"),
])
def test_a_damaged_film(case, what, moving, tmp_path):
    foreign_sets.film(tmp_path, moving)
    result = tmp_path / "hmr4d_results.pt"
    foreign_sets.gvhmr(result, moving)
    content = torch.load(result, weights_only=True)
    if case == "no video":
        (tmp_path / "video.mkv").unlink()
    elif case == "no mask":
        (tmp_path / "mask.mkv").unlink()
    elif case == "no motion":
        result.unlink()
    elif case == "two motions":
        result.rename(tmp_path / "a.pt")
        shutil.copy(tmp_path / "a.pt", tmp_path / "b.pt")
    elif case == "short film":
        foreign_sets.film(tmp_path, replace(moving, rgb=moving.rgb[:, :3],
                                            matte=moving.matte[:, :3]))
    elif case == "mask of another size":
        from muybridge.video import write_video

        write_video(tmp_path / "mask.mkv", np.zeros((5, 32, 32), np.uint8), 24, codec="ffv1")
    elif case == "no incam":
        del content["smpl_params_incam"]
        torch.save(content, result)
    elif case == "fewer lenses":
        content["K_fullimg"] = content["K_fullimg"][:2]
        torch.save(content, result)
    else:
        result.unlink()
        moving.motion.save(tmp_path / "motion.npz")
        if case == "moving cameras too few":
            moving.cameras.slice(0, 2).save(tmp_path / "cameras.json")
    with pytest.raises(InputError) as told:
        read_monocular(tmp_path).raw()
    assert what in str(told.value)
