"""Small generated pictures and picture files."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def drawing(seed, width=96, height=96):
    """A picture unlike those of other seeds: smooth blobs in grey, RGB mode."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).convert("RGB")


def coloured():
    return Image.merge("RGB", [drawing(i).convert("L") for i in range(3)])


def to_bytes(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb():
    """A PNG of a few bytes that says it is 20,000 x 20,000."""
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    return png_of([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")])


def png_of(chunks):
    """A PNG file of (kind, content) of its parts."""
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def shifted(image, pixels):
    """The picture moved to the right and down, on the colour of its corner: nearly the same."""
    moved = Image.new(image.mode, image.size, image.getpixel((0, 0)))
    moved.paste(image, (pixels % 3, pixels // 3))
    return moved
