"""Picture files as pixels: one way for data preparation, commands and the demo.

Only formats that run no program are read, bombs are refused before they are decoded, and a
picture comes out upright, flat and square however it went in.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from mmvae.errors import UserError

FORMATS = (  # decoders that run no program; those without a magic number come last
    *("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "QOI", "ICO", "CUR"),
    *("ICNS", "DIB", "DDS", "PSD", "SGI", "SUN", "PCX", "DCX", "BLP", "FTEX", "FITS", "FLI"),
    *("MSP", "XBM", "XPM", "PIXAR", "GBR", "IM", "PCD", "TGA"),
)
MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded it is 192 MB

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class DepthError(ValueError):
    """A picture whose levels, of another depth than 8 bits, cannot be read rightly."""


def load(source: Path | str | bytes, shape: tuple[int, int, int]) -> UInt8[np.ndarray, "H W C"]:
    """Pixels uint8 [H, W, C] of a picture, as `shape` asks; `source` is a path or bytes.

    Raises:
        UserError: the file is missing, is no picture, or is damaged or too large.
    """
    height, _, channels = shape
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    name = "the picture" if isinstance(source, bytes) else source
    try:
        with bombs_as_errors(), Image.open(file, formats=FORMATS) as image:
            image = upright(image)
    except FileNotFoundError as error:
        raise UserError(f"{name} does not exist.") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{name} is not a picture in a known format.") from error
    except Exception as error:  # a decoder may raise anything on bytes that are not what they say
        raise UserError(f"{name} cannot be read as a picture: {error}") from error
    fitted = square(image.convert("L" if channels == 1 else "RGB"), height)
    return np.asarray(fitted).reshape(shape)


@contextmanager
def bombs_as_errors() -> Iterator[None]:
    """Pillow's warning about decompression bombs is an error inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def upright(image: Image.Image) -> Image.Image:
    """RGB or L of an opened picture of any mode, turned as its EXIF says, on white paper.

    Raises:
        DepthError: levels of more than 8 bits that Pillow would show almost black.
    """
    raw = str(image.tile)  # names how the file packs its levels; loading empties it
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith(("I", "F")):
        if "I;32N" in raw and turned.getextrema()[0] < 0:  # Pillow has no unsigned 32 bits
            raise DepthError("32-bit levels above 2147483647; save it with 8 or 16 bits")
        return Image.fromarray(eight_bits(np.asarray(turned)))
    if ";16" in raw and max(high for _, high in turned.convert("RGB").getextrema()) < 16:
        raise DepthError(  # of 16 bits Pillow keeps the upper 8, here the upper 4 of 12
            "colours of 12 bits or fewer in 16-bit levels; save it with 8 bits a channel"
        )
    if turned.has_transparency_data:
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
    return turned if turned.mode == "L" else turned.convert("RGB")


def eight_bits(levels: Shaped[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W"]:
    """Grey levels 0 to 255 of a picture of another depth, by the range that it uses.

    Whole numbers from 0 up: by the fewest bits that hold the brightest level, so that 12-bit
    levels in a 16-bit file are not dark. Fractions in [0, 1]: as they are, unless all are below
    1/2. Others (signed, floating point, in a narrow band): from the least to the greatest.
    """
    levels = levels.astype(np.float64)
    finite = np.isfinite(levels)
    low, high = _range(levels[finite], whole=not np.mod(levels[finite], 1).any())
    levels = np.where(finite, levels, low) - low
    return np.clip(levels * 255 / (high - low) + 1e-3, 0, 255).astype(np.uint8)


def _range(levels: Float[np.ndarray, " N"], whole: bool) -> tuple[float, float]:
    """Levels that become black and white, the second the greater."""
    low, high = (levels.min(), levels.max()) if len(levels) else (0.0, 0.0)
    if low >= 0 and whole and high > 1:
        top = 2.0 ** int(high).bit_length() - 1
        narrow = top / 100 < high - low < top / 8  # a thermal camera, say; a blank page is less
        return (low, high) if narrow else (0.0, top)
    if low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1


def square(image: Image.Image, size: int) -> Image.Image:
    """Picture resized to fit size x size, padded with the median colour of its own border."""
    fitted = _fitted(image, size)
    fill = tuple(int(level) for level in np.atleast_1d(border(np.asarray(fitted))))
    return ImageOps.pad(fitted, (size, size), color=fill if len(fill) > 1 else fill[0])


def _fitted(image, size):
    """Picture resized to fit size x size, a very long one to a line: Pillow refuses it."""
    width, height = image.size
    if max(width, height) < 2 * size * min(width, height):
        return ImageOps.contain(image, (size, size), Image.Resampling.LANCZOS)
    return image.resize((size, 1) if width > height else (1, size), Image.Resampling.LANCZOS)


def border(pixels: UInt8[np.ndarray, "H W *C"]) -> Float[np.ndarray, "*C"]:
    """Median level of the outermost pixels, per channel."""
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    return np.median(np.concatenate(edges), axis=0)
