"""Pictures, captions and file names that nobody would send on purpose, each made of a seed.

Input k of a seed is always the same, whatever was made before it.
"""

import functools
import io
import random
import struct
import unicodedata
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

NEVER = ("PDF", "MPO", "SPIDER", "HDF5", "BUFR", "GRIB", "WMF", "PALM")  # no file, or no writer
PLANES = 17  # of Unicode
LONG = 1_000_000  # characters of the longest captions


@dataclass(frozen=True)
class Hostile:
    """One pair to be read or rejected.

    Attributes:
        kind: what was done to the picture, and what the caption is.
        name: of the picture's file, without folder.
        picture: bytes of the file.
        caption: bytes of the caption's file.
        intact: the picture is sound, and so is the caption.
    """

    kind: tuple[str, str]
    name: str
    picture: bytes
    caption: bytes
    intact: bool

    @property
    def text(self) -> str:
        """The caption as text, which a table, a form or a flag can hold."""
        return self.caption.decode("utf-8", "replace").replace("\0", "")


def make(seed: int, number: int) -> Hostile:
    """The pair of that number; names begin with it, five digits long."""
    chance = random.Random(f"{seed}/{number}")
    what = list(PICTURES)[number % len(PICTURES)]
    words = list(CAPTIONS)[number // len(PICTURES) % len(CAPTIONS)]
    kind, picture = PICTURES[what](chance)
    caption = CAPTIONS[words](chance)
    suffix = chance.choice((kind, kind, kind, kind.upper(), "jpg", "png"))
    name = f"n{number:05d}{chance.choice(NAMES)}.{suffix}"
    intact = what == "intact" and words == "plain" and kind in ("png", "jpeg", "gif", "bmp")
    return Hostile((what, words), name, picture, caption, intact)


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats that Pillow writes here, also those that are never read (EPS runs a program)."""
    Image.init()
    return tuple(name for name in sorted(Image.SAVE) if name not in NEVER and _written(name))


def _written(name):
    try:
        return bool(_saved(_drawing(random.Random(0)), name))
    except Exception:  # a writer may raise anything where its library is absent
        return False


def _drawing(chance):
    """A coloured shape on a coloured ground, 40 to 100 pixels a side."""
    size = chance.randint(40, 100), chance.randint(40, 100)
    ground, ink = (tuple(chance.randrange(256) for _ in range(3)) for _ in range(2))
    image = Image.new("RGB", size, ground)
    left, top = chance.randint(2, 15), chance.randint(2, 15)
    image.paste(ink, (left, top, left + chance.randint(10, 24), top + chance.randint(10, 24)))
    noise = np.random.default_rng(chance.randrange(2**32)).integers(0, 40, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _saved(image, name, **options):
    """Bytes of a picture in a format, in the first mode that the format can hold."""
    for mode in ("RGB", "P", "L", "1", "RGBA"):
        out = io.BytesIO()
        try:
            image.convert(mode).save(out, name, **options)
        except (OSError, ValueError, KeyError):
            continue
        return out.getvalue()
    raise ValueError(f"{name} holds none of the modes")


def _intact(chance):
    name = chance.choice(formats())
    return name.lower(), _saved(_drawing(chance), name)


def _flipped(chance):
    kind, content = _intact(chance)
    damaged = bytearray(content)
    reach = len(damaged) if chance.random() < 0.5 else min(len(damaged), 200)  # headers are small
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return kind, bytes(damaged)


def _truncated(chance):
    kind, content = _intact(chance)
    return kind, content[: chance.randrange(len(content))]


def _grown(chance):
    kind, content = _intact(chance)
    place = chance.randrange(len(content))
    return kind, content[:place] + chance.randbytes(chance.choice((1, 7, 4000))) + content[place:]


def _spliced(chance):
    """The head of one format with the rest of another."""
    (kind, one), (_, other) = _intact(chance), _intact(chance)
    place = chance.randrange(4, 40)
    return kind, one[:place] + other[place:]


def bomb(side: int) -> bytes:
    """A small PNG file of side x side black pixels."""
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = _zeros(min(side * (side // 8 + 2), _SQUEEZED))
    return PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


PNG = b"\x89PNG\r\n\x1a\n"
_SQUEEZED = 60_000_000  # zeros in a file of 60 kB


@functools.cache
def _zeros(number):
    return zlib.compress(bytes(number), 9)


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _bomb(chance):
    if chance.random() < 0.5:
        return "png", bomb(chance.choice((9_000, 30_000, 200_000, 2**31 - 1)))
    squeezed = zlib.compress(bytes(60_000_000), 9)
    kind, start = chance.choice(
        ((b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"))
    )
    content = _saved(_drawing(chance), "PNG")
    return "png", content[:33] + _chunk(kind, start + squeezed) + content[33:]


def _sized(chance):
    """Sides that are absurd, and sides that the header only claims."""
    if chance.random() < 0.5:
        size = chance.choice(((1, 1), (1, 5000), (20_000, 1), (7_900, 7_900), (31, 4000)))
        out = io.BytesIO()
        Image.new("1", size).save(out, "PNG")
        return "png", out.getvalue()
    side = chance.choice((0, 1, 65_535, 2**31 - 1, 2**32 - 1))
    kind, place, code = chance.choice((("bmp", 18, "<I"), ("gif", 6, "<H"), ("png", 16, ">I")))
    content = bytearray(_saved(_drawing(chance), kind.upper()))
    packed = struct.pack(code, side & (0xFFFF if code == "<H" else 0xFFFFFFFF))
    content[place : place + len(packed)] = packed
    if kind == "png":
        content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return kind, bytes(content)


def _annotated(chance):
    """A sound picture with absurd metadata."""
    image, what = _drawing(chance), chance.randrange(5)
    exif = Image.Exif()
    exif[0x0112] = chance.choice((0, 9, 65_535, 6))  # orientation
    exif[0x010E] = "\0\x07" * chance.choice((1, 20_000))  # description
    if what < 2:
        return "jpeg", _saved(image, "JPEG", exif=exif, icc_profile=chance.randbytes(3000))
    if what == 2:
        return "jpeg", _saved(image, "JPEG", exif=b"Exif\0\0" + chance.randbytes(400))
    if what == 3:
        told = PngImagePlugin.PngInfo()
        for number in range(1500):
            told.add_text(f"key{number}", "\u202e" + "x" * 100)
        return "png", _saved(image, "PNG", pnginfo=told, exif=exif)
    return "tiff", _saved(image, "TIFF", exif=exif, dpi=(0, 0))


def _frames(chance):
    """Many frames, the later ones cut or flipped."""
    frames = [_drawing(chance).resize((48, 48)) for _ in range(chance.choice((2, 40)))]
    name = chance.choice([name for name in ("GIF", "TIFF", "WEBP", "PNG") if name in formats()])
    content = bytearray(_saved(frames[0], name, save_all=True, append_images=frames[1:]))
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return name.lower(), bytes(content)


HEADS = {  # of formats that Pillow reads and does not write
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 60, 60, 8, 3),
    "fits": b"SIMPLE  =                    T".ljust(80)
    + b"BITPIX  =                    8".ljust(80),
    "sun": struct.pack(">8I", 0x59A66A95, 60, 60, 24, 10800, 1, 0, 0),
    "dcx": struct.pack("<3I", 0x3ADE68B1, 12, 0) + b"\n\5\1\10" + struct.pack("<4H", 0, 0, 59, 59),
    "ftc": b"FTEX" + struct.pack("<7I", 1, 60, 60, 1, 1, 1, 32),
    "pxr": b"\x80\xe8\0\0".ljust(416, b"\0") + struct.pack("<6H", 60, 60, 0, 0, 14, 2),
    "gbr": struct.pack(">5I", 28, 2, 60, 60, 3) + b"GIMP" + struct.pack(">I", 9),
    "cur": b"\0\0\2\0\1\0\x3c\x3c\0\0\0\0\0\0" + struct.pack("<2I", 5000, 22),
    "fli": struct.pack("<I6HI", 128, 0xAF12, 3, 60, 60, 8, 3, 70).ljust(128, b"\0"),
    "xpm": b'/* XPM */\nstatic char *a[] = {\n"60 60 2 1",\n"a c #000000",\n"b c #ff0000",\n',
    "pcd": bytes(2048) + b"PCD_" + bytes(1536),
}


def _only_read(chance):
    """A sound head of a format that nothing here writes, and random bytes."""
    kind = chance.choice(list(HEADS))
    content = bytearray(HEADS[kind] + chance.randbytes(chance.choice((0, 100, 12_000))))
    for _ in range(chance.choice((0, 0, 1, 4))):
        content[chance.randrange(len(HEADS[kind]))] ^= 1 << chance.randrange(8)
    return kind, bytes(content)


def _stranger(chance):
    """No picture at all under a picture's name."""
    texts = (b"", b"\0" * 5000, b"<html><script>alert(1)</script>", b"PK\x03\x04" + bytes(60))
    texts += (
        b"#!/bin/sh\nexit 1\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    )
    texts += (b"<svg xmlns='http://www.w3.org/2000/svg'/>", chance.randbytes(3000))
    return chance.choice(("jpg", "png", "eps", "svg", "tif")), chance.choice(texts)


PICTURES = {
    "intact": _intact,
    "bits flipped": _flipped,
    "truncated": _truncated,
    "grown": _grown,
    "spliced": _spliced,
    "bomb": _bomb,
    "absurd size": _sized,
    "absurd metadata": _annotated,
    "many frames": _frames,
    "only read": _only_read,
    "no picture": _stranger,
}


def _plain(chance):
    return " ".join(chance.choices(("big", "small", "red", "heart", "old tree"), k=4)).encode()


def _plane(chance):
    """Characters of one plane of Unicode, assigned or not, between words."""
    first = chance.randrange(PLANES) * 0x10000
    codes = (chance.randrange(first, first + 0x10000) for _ in range(60))
    text = "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
    return f"a heart {text} tree".encode()


def _controls(chance):
    codes = [*range(1, 32), *range(127, 160), 0x200B, 0x202E, 0x2066, 0xFEFF, 0xFFFE, 0xFFFF]
    return ("a " + "".join(chr(chance.choice(codes)) for _ in range(40)) + " tree").encode()


def _long(chance):
    unit = chance.choice(("a red heart ", "x", "\u0300", "漢", "\n", '"', "🫀"))
    return (unit * LONG)[: LONG + chance.choice((-1, 0, 1))].encode()


def _stacked(chance):
    marks = [chr(c) for c in range(0x300, 0x36F) if unicodedata.combining(chr(c))]
    return "".join("e" + "".join(chance.choices(marks, k=300)) for _ in range(5)).encode()


def _raw(chance):
    """Bytes that are no UTF-8, or not that alone."""
    text = "ein größeres Haus "
    ways = (text.encode("latin-1"), text.encode("utf-16"), text.encode("utf-16-le"), b"\xff\xfe")
    ways += ("\ud800 heart".encode("utf-8", "surrogatepass"), text.encode()[:5], b"a\0heart")
    ways += (text.encode("utf-8-sig"), text.encode("utf-32"), b"\xef\xbb\xbf", chance.randbytes(50))
    return chance.choice(ways)


def _empty(chance):
    return chance.choice(("", " ", "\n\n", "\u200b", "\u3000", "\t", ".", "-")).encode()


def _table(chance):
    """What means something in tables, pages, shells and JSON."""
    texts = ('"a, b;\tc', "=HYPERLINK(1)", "[1, 2]", '{"a": [', "<b>a</b>&amp;", "a\r\nb\rc\u2028d")
    texts += ("$(touch bad)", "../../bad", "%s%n{0}{x}", "NaN", "null", "'; DROP TABLE", "1e400")
    return (chance.choice(texts) + chance.choice(("", " tree"))).encode()


CAPTIONS = {
    "plain": _plain,
    "a plane of Unicode": _plane,
    "control characters": _controls,
    "a megabyte": _long,
    "stacked marks": _stacked,
    "not UTF-8": _raw,
    "empty": _empty,
    "markup": _table,
}
NAMES = (  # between a file's number and its suffix
    *("", "", "", "", " a b", "'\"", "-\n-", "\u202e", "é", "漢字", "$(touch bad)", "%00"),
    "x" * 180,
)
