"""Cleaning of pictures: bytes or a path in, one square PNG with its fingerprint out, or a reason.

Pure functions of one picture, so that a process pool or any scale-out can map them.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageStat, TiffImagePlugin, UnidentifiedImageError

from mmvae.data.pictures import FORMATS, DepthError, bombs_as_errors, border, square, upright

THUMBNAIL = 32  # pixels a side of the picture that duplicates are compared on
TINT = 4  # pixels a side of its colours: so coarse that a shifted copy agrees
_BLANK_STD = 4.0  # levels; a page with 0.1% of ink has about 8
_COLOUR = 12.0  # mean difference of channels, in levels, that makes a picture coloured
_COLOURED = (48, 0.005)  # so does this difference in this share of the pixels: a small red dot
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
        tint: RGB of the inked part, [TINT * TINT * 3], then of the border, [3], as bytes.
    """

    png: bytes
    channels: int
    pixels: int
    hash: int
    thumbnail: bytes
    tint: bytes


@dataclass(frozen=True)
class Refused:
    """Why an input was left out: a short reason to count by, and a detail to read."""

    reason: str
    detail: str = ""


def clean(source: Path | bytes | Refused, rules: Rules) -> Cleaned | Refused:
    """What becomes of one picture: its bytes, the path of its file, or why there is neither."""
    if isinstance(source, Refused):
        return source
    image = _decode(io.BytesIO(source) if isinstance(source, bytes) else source, rules)
    return image if isinstance(image, Refused) else _finish(*image, rules)


def encode(stored: bytes, channels: int, image_format: str) -> bytes:
    """Bytes of a cleaned picture (a PNG) in its final number of channels, "png" or "jpeg"."""
    image = Image.open(io.BytesIO(stored))
    mode = "L" if channels == 1 else "RGB"
    if image_format == "png" and image.mode == mode:
        return stored
    return as_file(image.convert(mode), image_format)


def as_file(image: Image.Image, image_format: str) -> bytes:
    """Bytes of a picture of its final mode, "png" or "jpeg"."""
    if image_format == "png":
        return _png(image)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


def png(pixels: UInt8[np.ndarray, "S S 3"]) -> bytes:
    """PNG of a picture made for training; grey where its channels agree."""
    grey = bool((pixels == pixels[..., :1]).all())
    return _png(Image.fromarray(pixels[..., 0] if grey else pixels))


def accept(encoded: bytes) -> Cleaned:
    """A picture made for training, a PNG of the right size; it has no fingerprint."""
    image = Image.open(io.BytesIO(encoded))
    return Cleaned(encoded, 1 if image.mode == "L" else 3, image.width * image.height, 0, b"", b"")


def _decode(file, rules):
    """(L or RGB picture upright, pixels of the original), or Refused."""
    if isinstance(file, Path) and file.exists() and not file.is_file():
        return Refused("picture unreadable", "no file but a folder, a pipe or a device")
    try:
        with bombs_as_errors(), Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            refused = _wrong_shape(width, height, rules)
            if refused:
                return refused
            image.draft(None, (4 * rules.size, 4 * rules.size))  # a large JPEG decodes smaller
            return upright(image), width * height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return Refused("picture too large (decompression bomb)", str(error))
    except FileNotFoundError:
        return Refused("picture file missing", str(file))
    except DepthError as error:
        return Refused("picture of a depth that is not read", str(error))
    except UnidentifiedImageError:
        return _unidentified(file)
    except Exception as error:  # a decoder may raise anything on bytes that are not what they say
        cut = "truncat" in str(error) or "premature" in str(error).lower()
        return Refused("picture truncated" if cut else "picture unreadable", str(error))


def _unidentified(file):
    """Refused for what no decoder takes: a depth that is not read, where its header names one."""
    start = file.getvalue() if isinstance(file, io.BytesIO) else Path(file).read_bytes()
    depth = _jpeg_depth(start) or _tiff_depth(start)
    if depth:
        detail = f"{depth}; save it with 8 or 16 bits"
        return Refused("picture of a depth that is not read", detail)
    return Refused("picture unreadable", "not a picture in a known format")


def _jpeg_depth(content):
    frame = re.search(rb"\xff[\xc0-\xc3]..([\x09-\x10])", content[:65536], re.DOTALL)
    return f"JPEG of {frame[1][0]}-bit levels" if frame and content[:2] == b"\xff\xd8" else ""


def _tiff_depth(content):
    """The depth that the header of a TIFF names; "" where it is none, or is 8 bits."""
    try:
        file = io.BytesIO(content)
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits, kind = tags.get(258, (1,)), (tags.get(339) or (1,))[0]
    except Exception:  # whatever else it is, no TIFF that says its depth
        return ""
    names = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
    levels = f"{bits[0]}-bit {names.get(kind, '')} levels".replace("  ", " ")
    return "" if max(bits) <= 8 else f"TIFF of {levels}, {len(bits)} a pixel"


def _finish(image, pixels, rules):
    """Cleaned picture and its fingerprint, or Refused where nothing is drawn on it."""
    # By histograms: floats of every pixel take eight times the picture's memory.
    if max(ImageStat.Stat(image).var) < _BLANK_STD**2:
        return Refused("picture blank", "one tone all over")
    grey = image.convert("L")
    if rules.channels == 1 or (rules.channels == 0 and _is_grey(image)):
        image = grey
    box = _inked(grey)
    inked = grey.crop(box).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return Cleaned(
        png=_png(square(image, rules.size)),
        channels=1 if image.mode == "L" else 3,
        pixels=pixels,
        hash=int.from_bytes(np.packbits(imagehash.phash(inked).hash).tobytes(), "big"),
        thumbnail=inked.tobytes(),
        tint=_tint(image, box),
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
    spread = np.ptp(pixels, axis=-1)
    least, share = _COLOURED
    return float(spread.mean()) < _COLOUR and float((spread > least).mean()) < share


def _inked(grey):
    """Box of the picture without its margins, so that scans with other margins look alike."""
    pixels = np.asarray(grey, np.int16)
    ink = np.abs(pixels - int(border(pixels))) > _INK
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if min(len(rows), len(columns)) < THUMBNAIL // 2:
        return 0, 0, grey.width, grey.height
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _tint(image, box):
    """RGB of a part, coarsely, and of the border of the whole."""
    coarse = image.convert("RGB")
    small = np.asarray(coarse.crop(box).resize((TINT, TINT), Image.Resampling.BOX))
    return small.tobytes() + border(np.asarray(coarse)).astype(np.uint8).tobytes()


def _png(image):
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
