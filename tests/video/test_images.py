"""Read photographs as they come: formats, sizes, damage."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from muybridge.errors import InputError
from muybridge.video import read_image, read_image_alpha, write_image
from muybridge.video.images import to_uint8


def picture(width=40, height=24):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 2 % 256], -1).astype(np.uint8)


def save(path, image, **more):
    image.save(path, **more)
    return path


def test_plain_formats_are_exact(tmp_path):
    for suffix, more in (("png", {}), ("tif", {}), ("bmp", {}), ("webp", {"lossless": True})):
        path = save(tmp_path / f"a.{suffix}", Image.fromarray(picture()), **more)
        assert np.array_equal(read_image(path), picture())
    path = save(tmp_path / "a.jpg", Image.fromarray(picture()), quality=95, subsampling=0)
    assert np.abs(read_image(path).astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, tmp_path):
    # what a camera stores so that a viewer who obeys the tag sees `picture()`
    undo = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1],
            4: lambda a: a[::-1], 5: lambda a: a.swapaxes(0, 1),
            6: lambda a: np.rot90(a, 1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](picture())))
    path = save(tmp_path / "a.png", stored, exif=exif)
    assert np.array_equal(read_image(path), picture())


def test_palette_grey_and_bits(tmp_path):
    grey = picture()[..., 0]
    want = np.repeat(grey[..., None], 3, -1)
    path = save(tmp_path / "l.png", Image.fromarray(grey))
    assert np.array_equal(read_image(path), want)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(read_image(save(tmp_path / "i16.png", deep)), want)
    assert np.array_equal(read_image(save(tmp_path / "i16.tif", deep)), want)
    real = Image.fromarray(grey.astype(np.float32) / 255)
    assert np.array_equal(read_image(save(tmp_path / "f.tif", real)), want)
    indexed = Image.fromarray(picture() // 64 * 64).convert("P", palette=Image.Palette.ADAPTIVE)
    path = save(tmp_path / "p.gif", indexed)
    assert np.array_equal(read_image(path), np.asarray(indexed.convert("RGB")))
    one = Image.fromarray(grey > 99)
    assert set(np.unique(read_image(save(tmp_path / "1.png", one)))) == {0, 255}


def png16(rgb16):
    """A 16-bit RGB PNG, written by hand since Pillow writes none."""
    height, width, _ = rgb16.shape
    rows = b"".join(b"\0" + r.astype(">u2").tobytes() for r in rgb16)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I",
                                                                        zlib.crc32(name + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0,
                                                               0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_sixteen_bit_colour(tmp_path):
    (tmp_path / "a.png").write_bytes(png16(picture().astype(np.uint16) * 257))
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - picture()).max() <= 1


def test_cmyk(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (32, 32), (0, 255, 255, 0)), quality=95)
    red = read_image(path)[16, 16].astype(int)
    assert red[0] > 200 and red[1] < 60 and red[2] < 60


def test_alpha(tmp_path):
    rgba = np.dstack([picture(), np.full((24, 40), 255, np.uint8)])
    rgba[:12, :, 3] = 0
    path = save(tmp_path / "a.png", Image.fromarray(rgba))
    rgb, alpha = read_image_alpha(path)
    assert np.array_equal(alpha, rgba[..., 3]) and np.array_equal(rgb, picture())
    flat = read_image(path)
    assert (flat[:12] == 255).all() and np.array_equal(flat[12:], picture()[12:])
    opaque = save(tmp_path / "b.png", Image.fromarray(rgba | np.uint8([0, 0, 0, 255])))
    assert read_image_alpha(opaque)[1] is None
    # a palette with one transparent colour
    indexed = Image.new("P", (20, 20), 0)
    indexed.putpalette([255, 0, 0, 0, 255, 0])
    indexed.paste(1, (0, 0, 10, 20))
    path = save(tmp_path / "p.png", indexed, transparency=0)
    rgb, alpha = read_image_alpha(path)
    assert alpha[0, 0] == 255 and alpha[0, 19] == 0 and rgb[0, 0].tolist() == [0, 255, 0]
    grey = Image.new("LA", (20, 20), (77, 128))
    rgb, alpha = read_image_alpha(save(tmp_path / "la.png", grey))
    assert rgb[3, 3].tolist() == [77] * 3 and alpha[3, 3] == 128


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue", "green")]
    path = save(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path)[5, 5].tolist() == [255, 0, 0]


def test_colour_profile_is_turned_to_srgb(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = save(tmp_path / "a.png", Image.fromarray(picture()), icc_profile=lab)
    assert np.abs(read_image(same).astype(int) - picture()).max() <= 1
    broken = save(tmp_path / "b.png", Image.fromarray(picture()), icc_profile=b"nonsense" * 9)
    assert np.array_equal(read_image(broken), picture())


def bytes_of(form, size=(48, 40), **more):
    out = io.BytesIO()
    Image.fromarray(picture(*size)).save(out, form, **more)
    return out.getvalue()


def bomb():
    """A PNG of a few hundred bytes that says it has 60,000 x 60,000 pixels."""
    data = bytearray(bytes_of("PNG"))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def nan_tiff():
    out = io.BytesIO()
    Image.fromarray(np.full((20, 20), np.nan, np.float32)).save(out, "TIFF")
    return out.getvalue()


@pytest.mark.parametrize(("data", "word"), [
    (b"", "empty"), (b"hello", "no picture"), (bytes_of("PNG", (200, 200))[:400], "cut off"),
    (bytes_of("JPEG", (200, 200))[:900], "cut off"),
    (bytes_of("WEBP")[:60], "no picture|cut off"), (bytes_of("PNG")[:20], "no picture|cut off"),
    (bomb(), "100 mega"), (bytes_of("PNG", (15, 400)), "at least 16"),
    (b"\0\0\0\x18ftypmp42" + b"\0" * 40, "video"), (b"\x1aE\xdf\xa3" + b"\0" * 40, "video"),
    (b"RIFF\0\0\0\0AVI LIST", "video"), (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
    (b"%PDF-1.4", "PDF"), (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "no picture"),
    (nan_tiff(), "NaN"), (b"<svg></svg>", "no picture"),
])
def test_bad_pictures(data, word, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(InputError, match=word) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_bad_paths(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(InputError, match="folder"):
        read_image(tmp_path)
    with pytest.raises(InputError, match="can't be read"):
        read_image("a\0b.png")


@pytest.mark.parametrize(("form", "more"), [
    ("PNG", {}), ("JPEG", {"quality": 60}), ("WEBP", {"quality": 60}), ("GIF", {}), ("TIFF", {}),
])
def test_fuzz(form, more, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    seed = bytes_of(form, (20, 18), **more, **({} if form == "GIF" else {"exif": exif}))
    r = random.Random(5)
    path, good = tmp_path / "a", 0
    count = 2000 if form in ("PNG", "JPEG", "WEBP") else 500
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(r.choice([1, 1, 3, 9])):
            i = r.randrange(len(data))
            how = r.randrange(5)
            if how == 0:
                data[i] = r.randrange(256)
            elif how == 1:
                data[i] ^= 1 << r.randrange(8)
            elif how == 2:
                del data[i:i + r.choice([1, 4, 30])]
            elif how == 3:
                data[i:i] = bytes(r.randrange(256) for _ in range(r.choice([1, 4, 30])))
            elif r.random() < 0.3:
                del data[i:]
            if not data:
                break
        path.write_bytes(bytes(data))
        try:
            rgb, alpha = read_image_alpha(path)
        except InputError:
            continue
        good += 1
        assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3
        assert alpha is None or alpha.shape == rgb.shape[:2]
    assert 0 < good < count


def test_write_image(tmp_path):
    x = picture()
    for array in (x, x.astype(np.float32) / 255, torch.tensor(x).permute(2, 0, 1),
                  torch.tensor(x).permute(2, 0, 1).float() / 255, Image.fromarray(x)):
        write_image(tmp_path / "sub" / "a.png", array)
        assert np.array_equal(read_image(tmp_path / "sub" / "a.png"), x)
    mask = x[..., 0] > 100
    write_image(tmp_path / "m.png", mask)
    assert np.array_equal(read_image(tmp_path / "m.png")[..., 0], mask * np.uint8(255))
    rgba = np.dstack([x, x[..., 0]])
    write_image(tmp_path / "rgba.png", rgba)
    assert np.array_equal(read_image_alpha(tmp_path / "rgba.png")[1], rgba[..., 3])
    write_image(tmp_path / "a.jpg", rgba)
    with pytest.raises(InputError, match="format"):
        write_image(tmp_path / "a.xyz", x)
    with pytest.raises(InputError, match="folder"):
        write_image(tmp_path, x)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="folder can't be made"):
        write_image(tmp_path / "file" / "a.png", x)
    assert not list(tmp_path.rglob(".*")) and not (tmp_path / "a.xyz").exists()


@pytest.mark.parametrize("bad", [np.zeros((5, 4, 2)), np.zeros(5), np.full((4, 4), np.nan),
                                 np.zeros((4, 4, 3), np.int64), np.zeros((0, 4, 3))])
def test_to_uint8_refuses(bad):
    with pytest.raises(ValueError, match="picture"):
        to_uint8(bad)
