"""Read photographs as they come, write pictures whole."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from muybridge.errors import InputError
from muybridge.video.atomic import replacing

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PPM")
MIN_SIDE = 16
MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20

Array = NDArray[np.uint8]


def read_image(path: str | PathLike[str]) -> Array:
    """A picture as uint8 sRGB ``[H, W, 3]``, upright; transparent parts become white.

    Reads PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF and PPM: EXIF orientation is
    applied, an embedded colour profile is turned to sRGB, CMYK, palettes, grey
    and 16 bits are converted, the first frame of an animation is taken.

    Raises:
        InputError: where the file is absent, empty, a folder, a video, no
            picture, cut off, smaller than 16 pixels or over 100 megapixels.
    """
    rgb, alpha = read_image_alpha(path)
    if alpha is None:
        return rgb
    a = alpha[..., None].astype(np.float32) / 255
    return np.rint(rgb * a + 255 * (1 - a)).astype(np.uint8)


def read_image_alpha(path: str | PathLike[str]) -> tuple[Array, Array | None]:
    """As :func:`read_image`, but the colours as stored and the alpha uint8 ``[H, W]`` if any.

    The alpha is ``None`` where the file has none or nothing in it is transparent.
    """
    path = Path(path)
    data = _bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.init()  # Pillow knows only five formats before
            formats = [f for f in FORMATS if f in Image.OPEN]
            with Image.open(io.BytesIO(data), formats=formats) as image:
                _check_size(path, *image.size)
                image.load()
                rgb, alpha = _to_srgb(_upright(image))
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(path, "", "has over 100 megapixels", "make it smaller") from None
    except Image.UnidentifiedImageError:
        raise _not_a_picture(path, data) from None
    except MemoryError:
        raise InputError(path, "", "is too large for this machine's memory",
                         "make it smaller") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken bytes
        raise InputError(path, "", f"is damaged or cut off ({_words(error)})",
                         "export or download the picture again") from None
    if alpha is not None and bool((alpha == 255).all()):
        alpha = None
    return rgb, alpha


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return text or type(error).__name__


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise InputError(path, "", "is a folder", "name one picture in it")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(path, "", f"has {size / 2**20:.0f} MB", "give a picture below 512 MB")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, "", "there is no such file", "check the path") from None
    except (OSError, ValueError) as error:
        raise InputError(path, "", f"can't be read ({_words(error)})",
                         "check the path and rights") from None
    if not data:
        raise InputError(path, "", "is empty", "export or download the picture again")
    return data


def _not_a_picture(path: Path, data: bytes) -> InputError:
    head = data[:32]
    brand = head[8:12]
    if head[4:8] == b"ftyp" and brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim"):
        return InputError(path, "", "is a HEIC photo, which can't be read",
                          "export it as JPEG or PNG")
    film = head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3" or head[:3] == b"FLV"
    if film or (head[:4] == b"RIFF" and brand == b"AVI "):
        return InputError(path, "", "is a video, not a picture", "give one frame of it as PNG")
    if head[:4] == b"%PDF":
        return InputError(path, "", "is a PDF", "export the page as PNG")
    return InputError(path, "", "is no picture that can be read",
                      "give a PNG, JPEG, WebP, AVIF, TIFF, BMP, GIF or PPM file")


def _check_size(path: Path, width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise InputError(path, "", f"is only {width}x{height} pixels",
                         f"give a picture with at least {MIN_SIDE} pixels a side")
    if width * height > MAX_PIXELS:
        raise InputError(path, "", f"is {width}x{height}, over 100 megapixels", "make it smaller")


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return image


def _to_srgb(image: Image.Image) -> tuple[Array, Array | None]:
    """Colours uint8 [H, W, 3] and alpha uint8 [H, W] or None of a decoded picture."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return _deep_grey(image), None
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    alpha = None
    if transparent:
        image_rgba = image.convert("RGBA")
        alpha = np.asarray(image_rgba.getchannel("A"), dtype=np.uint8).copy()
        if image.mode not in ("RGB", "L"):
            profile = image.info.get("icc_profile")
            image = image_rgba.convert("RGB")
            if profile:
                image.info["icc_profile"] = profile
    profile = image.info.get("icc_profile")
    converted: Image.Image | None = None
    if profile and image.mode in ("RGB", "CMYK", "L"):
        with suppress(Exception):  # a damaged profile: take the numbers as sRGB
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"), outputMode="RGB",
            )
    rgb = converted if converted is not None else image.convert("RGB")
    return np.asarray(rgb, dtype=np.uint8).copy(), alpha


def _deep_grey(image: Image.Image) -> Array:
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("its pixels hold NaN or infinity")
    if image.mode == "F":
        top = 1.0 if values.max(initial=0) <= 1.0 else 255.0 if values.max() <= 255 else 65535.0
    else:
        top = 65535.0 if values.max(initial=0) > 255 or image.mode != "I" else 255.0
    grey = np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def write_image(path: str | PathLike[str], array: Any) -> None:
    """Write a picture whole or not at all; the suffix says the format.

    Args:
        array: uint8 or float in [0, 1]; ``[H, W]``, ``[H, W, 3 or 4]`` or,
            as a tensor, ``[1, 3 or 4, H, W]`` without its first axis; or a
            Pillow image.
    """
    image = array if isinstance(array, Image.Image) else Image.fromarray(to_uint8(array))
    with replacing(path) as temp:
        suffix = temp.suffix.lower()
        if suffix in (".jpg", ".jpeg"):
            image.convert("RGB").save(temp, quality=95, subsampling=0)
        elif suffix == ".webp":
            image.save(temp, lossless=True)
        elif suffix in (".png", ".tif", ".tiff", ".bmp"):
            image.save(temp)
        else:
            raise InputError(path, "", f"{suffix or 'no suffix'} is no picture format to write",
                             "use .png, .jpg, .webp, .tif or .bmp")


def to_uint8(array: Any) -> Array:
    """A picture as uint8 ``[H, W]`` or ``[H, W, C]``.

    Floats are taken as [0, 1] and clipped. Tensors are ``[C, H, W]`` with C of
    1, 3 or 4, or ``[H, W]``; arrays are ``[H, W, C]`` or ``[H, W]``, or, where
    only that fits, ``[C, H, W]``. Raises ``ValueError`` for anything else.
    """
    is_tensor = hasattr(array, "detach")
    if is_tensor and array.is_floating_point():
        if not bool(array.sum().isfinite()) and not bool(array.isfinite().all()):
            raise ValueError("the picture holds NaN or infinity")
        array = array.detach().float().clamp(0, 1).mul(255).round().byte()
    x = array.detach().cpu().numpy() if is_tensor else np.asarray(array)
    channels = (1, 3, 4)
    if x.ndim == 3 and x.shape[0] in channels and (is_tensor or x.shape[2] not in channels):
        x = x.transpose(1, 2, 0)
    if x.ndim not in (2, 3) or (x.ndim == 3 and x.shape[2] not in channels) or 0 in x.shape:
        raise ValueError(f"a picture can't have the shape {tuple(array.shape)}")
    if x.ndim == 3 and x.shape[2] == 1:
        x = x[..., 0]
    if x.dtype == np.bool_:
        x = x.astype(np.uint8) * 255
    elif x.dtype != np.uint8:
        if not np.issubdtype(x.dtype, np.floating):
            raise ValueError(f"a picture is uint8 or float, not {x.dtype}")
        if not np.isfinite(x).all():
            raise ValueError("the picture holds NaN or infinity")
        x = np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(x)
