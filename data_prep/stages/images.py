"""Cleaning of pictures: bytes or a path in, one square PNG with its fingerprint out, or a reason.

Pure functions of one picture, so that a process pool or any scale-out can map them.
"""

import io
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mmvae.data.pictures import FORMATS, bombs_as_errors, border, flatten, square

THUMBNAIL = 32  # pixels a side of the picture that duplicates are compared on
_BLANK_STD = 4.0  # grey levels; a page with 0.1% of ink has about 8
_COLOUR = 12.0  # mean difference of channels, in levels, that makes a picture coloured
_INK = 48  # levels away from the border colour that count as ink


@dataclass(frozen=True)
class Rules:
    """What a picture must be and what it becomes.

    Attributes:
        size: side of the square written, in pixels.
        channels: 1, 3, or 0 for 1 where the picture is grey, else 3.
        min_side: least shorter side accepted, in pixels.
        max_aspect: greatest longer / shorter side accepted.
    """

    size: int
    channels: int
    min_side: int
    max_aspect: float


@dataclass(frozen=True)
class Cleaned:
    """A picture ready to be stored.

    Attributes:
        png: [size, size] grey or [size, size, 3] RGB picture, as PNG.
        channels: 1 or 3.
        pixels: width x height of the original.
        hash: 64-bit perceptual hash of the inked part.
        thumbnail: [THUMBNAIL * THUMBNAIL] grey levels of the inked part, as bytes.
    """

    png: bytes
    channels: int
    pixels: int
    hash: int
    thumbnail: bytes


@dataclass(frozen=True)
class Refused:
    """Why an input was left out: a short reason to count by, and a detail to read."""

    reason: str
    detail: str = ""


def clean(source, rules):
    """Cleaned or Refused for one picture (bytes, or the path of a file)."""
    image = _decode(io.BytesIO(source) if isinstance(source, bytes) else source, rules)
    return image if isinstance(image, Refused) else _finish(*image, rules)


def encode(stored, channels, image_format):
    """Bytes of a cleaned picture (a PNG) in its final number of channels, "png" or "jpeg"."""
    image = Image.open(io.BytesIO(stored))
    mode = "L" if channels == 1 else "RGB"
    if image_format == "png" and image.mode == mode:
        return stored
    if image_format == "png":
        return _png(image.convert(mode))
    out = io.BytesIO()
    image.convert(mode).save(out, "JPEG", quality=95)
    return out.getvalue()


def png(pixels):
    """PNG of a picture drawn for training, [S, S, 3] uint8; grey where its channels agree."""
    grey = bool((pixels == pixels[..., :1]).all())
    return _png(Image.fromarray(pixels[..., 0] if grey else pixels))


def accept(made):
    """Cleaned for a picture drawn for training, a PNG of the right size; it has no fingerprint."""
    image = Image.open(io.BytesIO(made))
    return Cleaned(made, 1 if image.mode == "L" else 3, image.width * image.height, 0, b"")


def _decode(file, rules):
    """(L or RGB picture upright, pixels of the original), or Refused."""
    try:
        with bombs_as_errors(), Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            refused = _wrong_shape(width, height, rules)
            if refused:
                return refused
            image.draft(None, (4 * rules.size, 4 * rules.size))  # a large JPEG decodes smaller
            return flatten(ImageOps.exif_transpose(image)), width * height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Refused("picture too large (decompression bomb)", str(error))
    except FileNotFoundError:
        return Refused("picture file missing", str(file))
    except UnidentifiedImageError:
        return Refused("picture unreadable", "not a picture in a known format")
    except Exception as error:  # a decoder may raise anything on bytes that are not what they say
        cut = "truncat" in str(error) or "premature" in str(error).lower()
        return Refused("picture truncated" if cut else "picture unreadable", str(error))


def _finish(image, pixels, rules):
    """Cleaned picture and its fingerprint, or Refused where nothing is drawn on it."""
    grey = image.convert("L")
    if np.asarray(grey).std() < _BLANK_STD:
        return Refused("picture blank", "one tone all over")
    if rules.channels == 1 or (rules.channels == 0 and _is_grey(image)):
        image = grey
    inked = _trim(grey).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return Cleaned(
        png=_png(square(image, rules.size)),
        channels=1 if image.mode == "L" else 3,
        pixels=pixels,
        hash=int.from_bytes(np.packbits(imagehash.phash(inked).hash).tobytes(), "big"),
        thumbnail=inked.tobytes(),
    )


def _wrong_shape(width, height, rules):
    short, long = sorted((width, height))
    if short < rules.min_side:
        return Refused("picture too small", f"{width} x {height}, least side {rules.min_side}")
    if long > rules.max_aspect * short:
        return Refused("picture too long", f"{width} x {height}, at most {rules.max_aspect:g} to 1")
    return None


def _is_grey(image):
    if image.mode == "L":
        return True
    pixels = np.asarray(image.resize((64, 64)), np.float32)
    return float(np.ptp(pixels, axis=-1).mean()) < _COLOUR


def _trim(grey):
    """The picture without its margins, so that scans with other margins look alike."""
    pixels = np.asarray(grey, np.int16)
    ink = np.abs(pixels - int(border(pixels))) > _INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if min(len(rows), len(columns)) < THUMBNAIL // 2:
        return grey
    return grey.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))


def _png(image):
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
