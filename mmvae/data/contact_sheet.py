"""Pictures with their captions underneath, on one sheet."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

Picture = UInt8[np.ndarray, "H W *C"]  # grey where it has no channels, or one
_COLUMNS = 8
_TEXT_LINES = 3
_MOST = 300  # characters of a caption that are looked at: a word of a megabyte is a huge picture
_LEAST_SIDE = 128  # pixels; smaller pictures are enlarged
_GAP = 8


def contact_sheet(
    images: Sequence[Picture], captions: Sequence[str], columns: int = _COLUMNS
) -> Image.Image:
    """An RGB picture of pictures and their captions, `columns` in a row."""
    side = max(images[0].shape[0], _LEAST_SIDE)
    font, line = _font(side // 10), side // 8
    cell = (side + _GAP, side + 12 + _TEXT_LINES * line)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = _GAP + place % columns * cell[0], _GAP + place // columns * cell[1]
        sheet.paste(to_picture(image).resize((side, side), Image.Resampling.LANCZOS), (x, y))
        for n, text in enumerate(_wrap(caption, font, side)):
            draw.text((x, y + side + 2 + n * line), text, "black", font)
    return sheet


def to_picture(image: Picture) -> Image.Image:
    """Pixels as Pillow has them."""
    return Image.fromarray(np.squeeze(image, -1) if image.shape[-1] == 1 else image)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font with more alphabets than Pillow's own; it comes with matplotlib."""
    path = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The first lines of a text that fit a width."""
    lines = [""]
    for word in text[:_MOST].split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line for line in lines if line][:_TEXT_LINES]
