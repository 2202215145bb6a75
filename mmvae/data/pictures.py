"""Picture files as pixels: one way for data preparation, commands and the demo.

Only formats that run no program are read, bombs are refused before they are decoded, and a
picture comes out upright, flat and square however it went in.
"""

import io
import warnings
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mmvae.errors import UserError

FORMATS = (  # decoders that run no program; those without a magic number come last
    *("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "QOI", "ICO", "CUR"),
    *("ICNS", "DIB", "DDS", "PSD", "SGI", "SUN", "PCX", "DCX", "BLP", "FTEX", "FITS", "FLI"),
    *("MSP", "XBM", "XPM", "PIXAR", "GBR", "IM", "PCD", "TGA"),
)
MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded it is 192 MB

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def load(source, shape):
    """Pixels uint8 [H, W, C] of a picture, as `shape` asks; `source` is a path or bytes.

    Raises:
        UserError: the file is missing, is no picture, or is damaged or too large.
    """
    height, _, channels = shape
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    name = "the picture" if isinstance(source, bytes) else source
    try:
        with bombs_as_errors(), Image.open(file, formats=FORMATS) as image:
            image = flatten(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise UserError(f"{name} does not exist.") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{name} is not a picture in a known format.") from error
    except Exception as error:  # a decoder may raise anything on bytes that are not what they say
        raise UserError(f"{name} cannot be read as a picture: {error}") from error
    fitted = square(image.convert("L" if channels == 1 else "RGB"), height)
    return np.asarray(fitted).reshape(shape)


@contextmanager
def bombs_as_errors():
    """Pillow's warning about decompression bombs is an error inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def flatten(image):
    """RGB or L of any mode; what is transparent becomes white paper."""
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow would clip, not scale
        return Image.fromarray(np.clip(np.asarray(image) / 257, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "L" else image.convert("RGB")


def square(image, size):
    """Picture resized to fit size x size, padded with the median colour of its own border."""
    fitted = ImageOps.contain(image, (size, size), Image.Resampling.LANCZOS)
    fill = tuple(int(level) for level in np.atleast_1d(border(np.asarray(fitted))))
    return ImageOps.pad(fitted, (size, size), color=fill if len(fill) > 1 else fill[0])


def border(pixels):
    """Median level of the outermost pixels, per channel."""
    edges = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    return np.median(np.concatenate(edges), axis=0)
