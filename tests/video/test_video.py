"""Videos that are written, decoded and compared."""

import json
import os
import random
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from muybridge.errors import InputError
from muybridge.video import (
    VideoWriter,
    iter_video,
    probe_video,
    read_image,
    read_video,
    write_gif,
    write_png_frames,
    write_video,
)


def clip(frames=10, width=64, height=48, seed=0):
    g = torch.Generator().manual_seed(seed)
    base = torch.rand(1, 3, 5, 5, generator=g)
    x = torch.nn.functional.interpolate(base, (height, width), mode="bicubic").clamp(0, 1)[0]
    return [0.3 + 0.4 * torch.roll(x, 3 * i, 2) for i in range(frames)]


def exact(frames):
    return np.stack([(f * 255).round().byte().permute(1, 2, 0).numpy() for f in frames])


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30000, 1001), Fraction(25, 2), 60,
                                 Fraction(7, 3)])
@pytest.mark.parametrize("size", [(64, 48), (65, 47), (33, 96)])
def test_h264(fps, size, tmp_path):
    frames = clip(10, *size)
    path = tmp_path / "a.mp4"
    assert write_video(path, frames, fps) == 10
    found, rate = read_video(path)
    assert rate == fps and found.shape == (10, size[1], size[0], 3)
    assert np.abs(found.astype(int) - exact(frames)).mean() < 3.5
    with av.open(str(path)) as file:  # as any other program sees it
        stream = file.streams.video[0]
        assert (stream.average_rate, stream.frames) == (fps, 10)
        assert stream.codec_context.pix_fmt == "yuv420p" and stream.codec_context.name == "h264"
        c = stream.codec_context
        assert (c.color_primaries, c.color_trc, c.colorspace, c.color_range) == (1, 1, 1, 1)
        assert c.width % 2 == c.height % 2 == 0
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255),
                                   (0, 0, 0), (200, 150, 120), (128, 128, 128)])
def test_flat_colours_come_back(color, tmp_path):
    frame = np.full((32, 32, 3), color, np.uint8)
    write_video(tmp_path / "a.mp4", [frame] * 3, 24)
    found, _ = read_video(tmp_path / "a.mp4")
    assert np.abs(found.astype(int) - np.array(color)).max() <= 3


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (1, 1)])
def test_ffv1_is_bit_exact(size, tmp_path):
    g = np.random.default_rng(0)
    frames = g.integers(0, 256, (6, size[1], size[0], 3), dtype=np.uint8)
    for fps in (Fraction(24), Fraction(30000, 1001), Fraction(7, 3)):
        write_video(tmp_path / "a.mkv", frames, fps, codec="ffv1")
        found, rate = read_video(tmp_path / "a.mkv")
        assert np.array_equal(found, frames) and rate == fps


def test_grey_frames_and_metadata(tmp_path):
    note = {"seed": 3, "text": "grüße \"quoted\"", "deep": {"a": [1, 2]}}
    with VideoWriter(tmp_path / "m.mp4", 24, 32, 32, metadata=note) as video:
        for frame in (torch.full((1, 32, 32), 0.5), np.full((32, 32), 128, np.uint8),
                      torch.full((3, 32, 32), 0.5)):
            video.write(frame)
    assert np.abs(read_video(tmp_path / "m.mp4")[0].astype(int) - 128).max() <= 2
    info = probe_video(tmp_path / "m.mp4")
    assert {k: info.metadata[k] for k in note} == note
    assert (info.width, info.height, info.frames, info.fps) == (32, 32, 3, 24)
    with av.open(str(tmp_path / "m.mp4")) as file:
        assert json.loads(file.metadata["comment"])["seed"] == 3


def test_nothing_is_left_of_a_failed_write(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"the file before")
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 24, 32, 32) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="shape"), VideoWriter(path, 24, 32, 32) as video:
        video.write(np.zeros((16, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="no frames"), VideoWriter(path, 24, 32, 32):
        pass
    with pytest.raises(ValueError, match="no frames"):
        write_video(path, [], 24)
    with pytest.raises(ValueError, match="with block"):
        VideoWriter(path, 24, 32, 32).write(np.zeros((32, 32, 3), np.uint8))
    assert os.listdir(tmp_path) == ["a.mp4"] and path.read_bytes() == b"the file before"


@pytest.mark.parametrize(("name", "fps", "width", "height", "codec", "word"), [
    ("a.mp4", 0, 32, 32, "h264", "fps"), ("a.mp4", -24, 32, 32, "h264", "fps"),
    ("a.mp4", float("nan"), 32, 32, "h264", "fps"), ("a.mp4", 1e9, 32, 32, "h264", "fps"),
    ("a.mp4", 24, 0, 32, "h264", "size"), ("a.mp4", 24, 32, -1, "h264", "size"),
    ("a.mp4", 24, 10**6, 32, "h264", "size"), ("a.mp4", 24, 32, 32, "vp9", "codec"),
    ("a.mp4", 24, 32, 32, "ffv1", "mkv"), ("a.gif", 24, 32, 32, "h264", "mp4"),
])
def test_writer_refuses(name, fps, width, height, codec, word, tmp_path):
    with pytest.raises(InputError, match=word):
        VideoWriter(tmp_path / name, fps, width, height, codec)


def test_reading_is_lazy(tmp_path):
    write_video(tmp_path / "a.mp4", clip(50), 24)
    reader = iter_video(tmp_path / "a.mp4")
    assert next(reader).shape == (48, 64, 3)
    reader.close()
    assert len(read_video(tmp_path / "a.mp4", max_frames=7)[0]) == 7


def test_phone_videos_are_turned_upright(tmp_path):
    frame = np.full((32, 64, 3), 255, np.uint8)
    frame[:, :32] = 0  # the left half is dark
    write_video(tmp_path / "a.mp4", [frame] * 3, 24)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of the track header: a quarter turn clockwise
    data[at:at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "b.mp4").write_bytes(bytes(data))
    found, _ = read_video(tmp_path / "b.mp4")
    assert found.shape == (3, 64, 32, 3)
    assert found[:, :28].max() < 30 and found[:, 36:].min() > 225  # left has become top
    info = probe_video(tmp_path / "b.mp4")
    assert (info.width, info.height) == (32, 64)


def test_bad_videos(tmp_path):
    write_video(tmp_path / "a.mp4", clip(12), 24)
    data = (tmp_path / "a.mp4").read_bytes()
    cases = [("empty", b""), ("video", b"hello" * 40), ("cut off|video|decoded", data[:700])]
    for word, bad in cases:
        (tmp_path / "b.mp4").write_bytes(bad)
        with pytest.raises(InputError, match=word):
            read_video(tmp_path / "b.mp4")
    with pytest.raises(InputError, match="no such"):
        read_video(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="folder"):
        probe_video(tmp_path)
    with av.open(str(tmp_path / "s.mka"), "w", format="matroska") as file:
        stream = file.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.rate = 8000
        file.mux(stream.encode(sound))
    with pytest.raises(InputError, match="only sound"):
        read_video(tmp_path / "s.mka")


def test_fuzzed_videos(tmp_path):
    write_video(tmp_path / "a.mp4", clip(4, 32, 32), 24)
    seed, r, path = (tmp_path / "a.mp4").read_bytes(), random.Random(1), tmp_path / "b.mp4"
    for _ in range(150):
        data = bytearray(seed)
        for _ in range(r.choice([1, 4, 16])):
            data[r.randrange(len(data))] = r.randrange(256)
        if r.random() < 0.2:
            del data[r.randrange(len(data)):]
        path.write_bytes(bytes(data))
        try:
            frames, fps = read_video(path, max_frames=20)
            assert frames.ndim == 4 and fps > 0
        except InputError:
            pass


@pytest.mark.parametrize("fps", [24, Fraction(30000, 1001), 10, 100])
def test_gif(fps, tmp_path):
    frames = clip(24, 96, 64)
    count = write_gif(tmp_path / "a.gif", frames, fps)
    with Image.open(tmp_path / "a.gif") as image:
        shown = []
        for i in range(image.n_frames):
            image.seek(i)
            shown.append((image.info["duration"], np.asarray(image.convert("RGB")).astype(int)))
    assert image.info["loop"] == 0
    assert sum(d for d, _ in shown) == pytest.approx(float(1000 * 24 / Fraction(fps)), abs=10)
    assert len(shown) == count == min(24, int(24 / Fraction(fps) * 50))
    assert np.abs(shown[0][1] - exact(frames)[0]).mean() < 7
    assert min(d for d, _ in shown) >= 20


def test_gif_of_few_colours_is_exact_and_small_enough(tmp_path):
    frame = np.full((700, 900, 3), 240, np.uint8)
    frame[200:400, 300:500] = (200, 30, 60)
    write_gif(tmp_path / "a.gif", [frame] * 3, 12, max_side=90)
    with Image.open(tmp_path / "a.gif") as image:
        x = np.asarray(image.convert("RGB")).astype(int)
    assert x.shape == (70, 90, 3)
    assert np.abs(x[5, 5] - 240).max() <= 2 and np.abs(x[30, 40] - (200, 30, 60)).max() <= 2
    with pytest.raises(ValueError, match="no frames"):
        write_gif(tmp_path / "b.gif", [], 12)
    with pytest.raises(InputError, match="fps"):
        write_gif(tmp_path / "b.gif", [frame], 0)


def test_png_frames(tmp_path):
    frames = clip(3)
    assert write_png_frames(tmp_path / "f", frames, start=5) == 3
    assert sorted(os.listdir(tmp_path / "f")) == ["0005.png", "0006.png", "0007.png"]
    assert np.array_equal(read_image(tmp_path / "f" / "0006.png"), exact(frames)[1])
