import hashlib
from dataclasses import replace

import pytest
import torch
from PIL import Image

from muybridge.errors import InputError, MissingWeights
from muybridge.evaluation.extractors import NAMES, cut, extractor, starts
from muybridge.evaluation.extractors.extractor import digest_of, to_square


def clips(length=4, stride=2, **changes):
    return replace(extractor("fd-vid[nano]"), length=length, stride=stride, **changes)


def numbered(views, frames):
    """A video whose every frame says which it is."""
    number = torch.arange(views * frames).view(views, frames, 1, 1, 1) / 1000
    return number.expand(-1, -1, 3, 5, 4)


def test_clips_are_neighbouring_frames():
    found = cut(numbered(2, 9), clips())
    assert found.shape == (6, 4, 3, 5, 4)  # starts at 0, 2, 4 of both views; frame 8 is left
    names = (found[:, :, 0, 0, 0] * 1000).round().int().tolist()
    assert names[:3] == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]
    assert names[3] == [9, 10, 11, 12]
    assert torch.equal(found, found[:, :, :, :1, :1].expand_as(found))


def test_pictures_are_all_frames():
    found = cut(numbered(2, 3), extractor("fd[nano]"))
    assert found.shape == (6, 1, 3, 5, 4)
    assert (found[:, 0, 0, 0, 0] * 1000).round().int().tolist() == list(range(6))


@pytest.mark.parametrize(("frames", "count"), [(3, 0), (4, 1), (5, 1), (6, 2), (24, 11)])
def test_how_many(frames, count):
    assert len(starts(frames, 4, 2)) == count


def test_short_videos_are_not_padded():
    with pytest.raises(InputError, match=r"me.mkv: frames: are 3, fewer than the 4 .* not padded"):
        cut(numbered(1, 3), clips(), "me.mkv")


def test_default_strides_leave_no_frame_of_a_plate_out():
    assert [*starts(24, 16, 8)] == [0, 8]
    nano = extractor("fd-vid[nano]")
    assert (24 - nano.length) % nano.stride == 0


BAD_FRAMES = {
    "none": (torch.zeros(0, 1, 3, 8, 8), "are 0 items"),
    "long": (torch.zeros(1, 2, 3, 8, 8), "are 1 items of 2 frames; give at least one of 1"),
    "of 0 to 255": (torch.full((1, 1, 3, 8, 8), 200.0), "from 200 to 200; give RGB in"),
    "of -1 to 1": (torch.full((1, 1, 3, 8, 8), -1.0), "from -1 to -1"),
    "not finite": (torch.full((1, 1, 3, 8, 8), float("nan")), "values from nan"),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_frames_refused(what):
    frames, text = BAD_FRAMES[what]
    with pytest.raises(InputError, match=text):
        extractor("fd[nano]").features(frames)


def test_networks_of_other_width_are_refused():
    wrong = replace(extractor("fd[nano]"), dimension=7)
    with pytest.raises(InputError, match=r"give \[2, 58\] for 2 items instead of \[2, 7\]"):
        wrong.features(torch.zeros(2, 1, 3, 8, 8))


def test_names():
    assert NAMES == (
        "fd[nano]", "fd-vid[nano]", "fid[inception-2015]", "fid-vid[resnet3d-50]", "fvd[i3d]",
        "fvd[videomae]", "fvd[vjepa2]",
    )
    for name in ("fd[nano]", "fd-vid[nano]"):
        found = extractor(name)
        assert found.label == name and not found.comparable
    assert extractor("fd-vid[nano]").kind == "clip"


@pytest.mark.parametrize("name", [n for n in NAMES if "nano" not in n])
def test_absent_weights_say_what_to_get(name):
    with pytest.raises(MissingWeights) as told:
        extractor(name)
    for word in (name, "licence", "MB", "fd[nano]"):
        assert word in str(told.value)
    with pytest.raises(MissingWeights):  # the short name is the same
        extractor(name.partition("[")[2][:-1])


BAD_REQUESTS = {
    "unknown": (lambda p: extractor("fvd[horse]"), "names none; use one of fd"),
    "two": (lambda p: extractor("nano"), r"names more than one; use one of fd\[nano\], fd-vid"),
    "needless path": (lambda p: extractor("fd[nano]", p), "needs no weights"),
    "stride of pictures": (lambda p: extractor("fd[nano]", stride=2), "leave it out"),
    "no stride": (lambda p: extractor("fd-vid[nano]", stride=0), "is 0; give at least 1"),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_requests_refused(what, tmp_path):
    act, text = BAD_REQUESTS[what]
    with pytest.raises(InputError, match=text):
        act(tmp_path)


def test_a_stride_can_be_told():
    assert extractor("fd-vid[nano]", stride=8).stride == 8


def test_digests(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    assert digest_of(first) == hashlib.sha256(b"one").hexdigest()
    both = digest_of(first, second)
    assert both == digest_of(second, first) != digest_of(first)
    second.write_bytes(b"three")
    assert digest_of(first, second) != both
    with pytest.raises(InputError, match="can't be read"):
        digest_of(tmp_path / "absent")


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(40, 30), (11, 50)])
def test_antialiased_resizing_is_pillows(mode, size):
    picture = torch.rand(size, generator=torch.Generator().manual_seed(0))
    theirs = Image.fromarray(picture.numpy(), mode="F").resize(
        (16, 16), Image.Resampling[mode.upper()])
    ours = to_square(picture.expand(1, 1, 3, -1, -1), 16, mode, True)
    expected = torch.frombuffer(bytearray(theirs.tobytes()), dtype=torch.float32).view(16, 16)
    torch.testing.assert_close(ours[0, 0, 0], expected, atol=2e-5, rtol=0)


def test_other_resizing_takes_the_nearest_pixels():
    """Half as large: the mean of the two by two in the middle of each four by four is left."""
    picture = torch.rand(1, 1, 3, 16, 16)
    found = to_square(picture, 4, "bilinear", False)
    expected = sum(picture[..., a::4, b::4] for a in (1, 2) for b in (1, 2)) / 4
    torch.testing.assert_close(found, expected)
