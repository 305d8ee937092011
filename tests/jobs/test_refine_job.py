"""``muybridge refine``: videos, pictures and runs become calmer; stopped runs go on."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from methods.reimagine_small import awake, small_networks
from sampling.video_small import svd_folder, wan_folder

from muybridge.cli import main
from muybridge.errors import InputError, Interrupted
from muybridge.jobs.refine import Request, forecast, refine
from muybridge.jobs.refine_source import Frames, clips_of, pictures_of
from muybridge.methods.reimagine.checkpoints import save
from muybridge.person.cutting import cut_out
from muybridge.video import read_image, read_video, write_image, write_video


def shown(frames: int = 6, height: int = 64, width: int = 48, seed: int = 0) -> np.ndarray:
    """A blob on white that flickers, uint8 ``[T, H, W, 3]``."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = ((y - height / 2) / (0.4 * height)) ** 2 + ((x - width / 2) / (0.3 * width)) ** 2 < 1
    colours = 120 + 40 * random.standard_normal((frames, 1, 1, 3))
    made = np.where(inside[None, ..., None], colours, 250)
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder of ReImagine with untrained networks that do something."""
    folder = tmp_path_factory.mktemp("weights") / "small"
    save(awake(small_networks()), folder)
    return str(folder)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "in.mp4"
    write_video(path, shown(), Fraction(24))
    return path


@pytest.fixture(scope="module")
def stable(tmp_path_factory):
    return str(svd_folder(tmp_path_factory.mktemp("svd") / "svd"))


def test_a_video_by_the_command(video, small, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["refine", str(video), "--model", small, "--steps", "2", "--set", "cut_time=0.1",
                 "-o", str(out), "--lossless", "--compare", "--quiet", "--json"]
    assert main([*arguments, "--dry-run"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["frames"], said["windows"], said["calls"]) == (6, 2, 4)
    assert said["seen_as"] == "24x32"
    assert not out.exists()
    assert main(arguments) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["settings"]["cut_time"] == 0.1
    assert json.loads((out / "run.json").read_text())["refine"]["model"] == small
    made, fps = read_video(out / "video.mkv")
    given, _ = read_video(video)
    assert made.shape == given.shape and fps == 24
    assert np.abs(made.astype(int) - given).mean() > 0.05
    ground = np.abs(made[:, :4].astype(int) - given[:, :4])
    assert ground.max() <= 1  # nothing is done where nobody is
    assert read_video(out / "compare.mp4")[0].shape == (6, 64, 96, 3)
    assert not (out / ".muybridge").exists()


def test_strength_zero_gives_the_frames_back(video, small, tmp_path):
    refine(Request(video, small, settings={"strength": 0}, lossless=True), tmp_path / "out")
    assert np.array_equal(read_video(tmp_path / "out" / "video.mkv")[0], read_video(video)[0])


def test_a_stopped_run_goes_on_to_the_same_frames(video, small, tmp_path):
    asked = Request(video, small, settings={"steps": 2, "cut_time": 0.1}, lossless=True)
    refine(asked, tmp_path / "whole")

    def stops(event):
        if event.stage == "refine" and event.done > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="goes on"):
        refine(asked, tmp_path / "out", listener=stops)
    store = tmp_path / "out" / ".muybridge" / "frames" / "000"
    held = {path.name: path.stat().st_mtime_ns for path in store.glob("*.png")}
    assert len(held) == 2 and (store / "held.npz").is_file()
    refine(asked, tmp_path / "out")
    whole, again = (read_video(tmp_path / n / "video.mkv")[0] for n in ("whole", "out"))
    assert np.array_equal(whole, again)
    with pytest.raises(Interrupted, match="nothing was written"):
        refine(asked, tmp_path / "none", listener=stops_at_once)
    assert not (tmp_path / "none").exists()


def stops_at_once(event):
    raise KeyboardInterrupt


def test_stable_video_diffusion_refines_pictures(stable, tmp_path):
    source = tmp_path / "pictures"
    for t, picture in zip((1, 2, 10, 11, 12), shown(5), strict=True):
        write_image(source / f"shot{t}.png", picture)
    asked = Request(
        source, stable, settings={"steps": 1, "cut_time": 0.1, "guidance": 2.0},
        fps=Fraction(12), compare=True,
    )
    assert forecast(asked)["calls"] == 4
    made = refine(asked, tmp_path / "out")
    names = [path.name for path in pictures_of(tmp_path / "out" / "frames")]
    assert names == ["shot1.png", "shot2.png", "shot10.png", "shot11.png", "shot12.png"]
    assert read_image(tmp_path / "out" / "frames" / "shot10.png").shape == (64, 48, 3)
    frames, fps = read_video(tmp_path / "out" / "video.mp4")
    assert len(frames) == 5 and fps == 12
    assert made.record["videos"] == [
        {"name": "video", "frames": 5, "width": 48, "height": 64, "fps": "12"}
    ]


def test_wan_refines_a_video(video, tmp_path):
    model = str(wan_folder(tmp_path / "wan", "i2v"))
    asked = Request(video, model, "paper", {"steps": 1}, prompt="a person", lossless=True)
    refine(asked, tmp_path / "out")
    made, given = read_video(tmp_path / "out" / "video.mkv")[0], read_video(video)[0]
    assert made.shape == given.shape
    assert np.abs(made.astype(int) - given).mean() > 0.01


def test_all_views_of_a_run_with_their_mattes(small, tmp_path):
    source = tmp_path / "run"
    for view in range(2):
        frames = shown(3, seed=view)
        write_video(source / "views" / f"{view:02d}.mp4", frames, 24)
        matte = np.repeat((frames.mean(-1) < 230)[..., None] * np.uint8(255), 3, -1)
        write_video(source / "matte" / f"{view:02d}.mp4", matte, 24)
    (source / "run.json").write_text("{}")
    clips = clips_of(source)
    assert [clip.name for clip in clips] == ["views/00", "views/01"]
    seen = Frames(clips[0], 4).seen(0, 2)
    assert seen.shape == (2, 4, 64, 48)
    assert seen[:, :, :2].max() < 0.05
    refine(Request(source, small, settings={"steps": 1}), tmp_path / "out")
    for view in range(2):
        assert len(read_video(tmp_path / "out" / "views" / f"{view:02d}.mp4")[0]) == 3
    with pytest.raises(InputError, match="has its own"):
        clips_of(source, matte=source / "matte" / "00.mp4")


def test_pictures_are_read_once_and_dropped(video):
    frames = Frames(clips_of(video)[0], 3)
    first = frames.seen(0, 4)
    assert torch.equal(frames.seen(2, 5)[:2], first[2:])
    assert sorted(frames._kept) == [2, 3, 4]
    with pytest.raises(InputError, match="ends after 6"):
        frames.seen(3, 9)


def test_people_are_cut_out_where_there_is_one():
    matte = cut_out(shown(1, 200, 150)[0])
    assert matte[100, 75] == 255 and matte[5, 5] == 0
    assert cut_out(np.full((64, 48, 3), 200, np.uint8)).min() == 255
    assert cut_out(np.full((8, 8, 3), 200, np.uint8)).min() == 255


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "nowhere.mp4"}, "is not there"), ({"source": "empty"}, "no pictures"),
        ({"source": "mixed"}, "of one size"), ({"source": "broken.mp4"}, "broken.mp4"),
        ({"preset": "wild"}, "wild"), ({"settings": {"strength": 2}}, "strength"),
        ({"settings": {"colour": 1}}, "colour"), ({"detail": 2}, "--detail"),
        ({"model": "huge"}, "huge"), ({"matte": "matte.mp4"}, "size"),
        ({"device": "abacus"}, "device"), ({"dtype": "int7"}, "dtype"),
        ({"settings": {"cut_time": "wide"}}, "cut_time"),
    ],
)
def test_bad_requests_write_nothing(changes, said, video, small, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for name, size in (("a", (64, 48)), ("b", (48, 64))):
        write_image(tmp_path / "mixed" / f"{name}.png", np.zeros((*size, 3), np.uint8))
    write_video(tmp_path / "matte.mp4", shown(6, 32, 32), 24)
    values = {"source": video, "model": small, "settings": {"steps": 1}, **changes}
    for name in ("source", "matte"):
        if isinstance(values.get(name), str):
            values[name] = tmp_path / values[name]
    with pytest.raises(InputError, match=said):
        refine(Request(**values), tmp_path / "out")
    assert not (tmp_path / "out" / "run.json").exists()
    assert not (tmp_path / "out" / "video.mp4").exists()


def test_what_is_there_is_not_overwritten(video, small, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="force"):
        refine(Request(video, small), tmp_path / "out")
    source = tmp_path / "same"
    write_image(source / "a.png", shown(1)[0])
    with pytest.raises(InputError, match="another folder"):
        refine(Request(source, small), source)


def test_the_command_wants_a_source(capsys):
    assert main(["refine"]) == 2
    assert "SOURCE" in capsys.readouterr().err
