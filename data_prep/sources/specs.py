"""Where pairs come from: one small function a source, listed in SOURCES at the bottom.

A source takes (place, options) and yields raw Pairs: nothing cleaned, nothing left out.
"""

import json
import os
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data_prep.sources import catalogue, gutenberg, tables
from data_prep.stages.images import SUFFIXES
from mmvae.errors import UserError


@dataclass(frozen=True)
class Pair:
    """One picture with one caption, as found.

    Attributes:
        picture: name of the picture; pairs with the same name show the same picture.
        image: path of its file, or its bytes.
        caption: raw caption, "" where there is none.
        group: what must not be torn over splits (a book), "" where unknown.
        split: "train", "val", "test", or "" to let the hash decide.
        attributes: ground truth as a JSON object.
        made: drawn for training: [S, S] PNG that needs no cleaning and no duplicate search.
        id: unique name, set by `read`.
    """

    picture: str
    image: Path | bytes
    caption: str
    group: str = ""
    split: str = ""
    attributes: str = "{}"
    made: bool = False
    id: str = ""


def read(specs, options):
    """All pairs of all sources, in a fixed order, each with its own id.

    Args:
        specs: list of "kind:place".
        options: the command's options (column names, image size, seed, number of sprites).

    Raises:
        UserError: an unknown kind, or what the source itself finds wrong.
    """
    seen = {}
    for number, spec in enumerate(specs, 1):
        kind, _, place = spec.partition(":")
        if kind not in SOURCES or not place:
            raise UserError(f"--source {spec} is not known; type one of: {', '.join(USAGE)}")
        for pair in SOURCES[kind](place, options):
            name = f"{number}/{pair.picture}" if len(specs) > 1 else pair.picture
            seen[name] = seen.get(name, 0) + 1
            unique = name if seen[name] == 1 else f"{name}#{seen[name]}"
            yield replace(pair, picture=name, id=unique)


def folder(place, options):
    """DIR with a table of captions or `.txt` sidecars, or the path of the table itself."""
    root = Path(place)
    if root.is_file() and root.suffix in tables.SUFFIXES:
        return _from_table(root, options)
    if not root.is_dir():
        raise UserError(f"folder:{place} is not a folder; give one with pictures and captions")
    for name in ("captions", "metadata"):
        for suffix in tables.SUFFIXES:
            if (root / (name + suffix)).is_file():
                return _from_table(root / (name + suffix), options)
    return _from_sidecars(root)


def coco(place, options):
    """Captions in the COCO format: a JSON of `images` and `annotations`, and the folder."""
    path, _, root = place.partition(",")
    if not root:
        raise UserError(f"coco:{place} lacks the folder; type coco:ANNOTATIONS.json,IMAGES")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        names = {image["id"]: image["file_name"] for image in content["images"]}
        captions = [(item["image_id"], item["caption"]) for item in content["annotations"]]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not a COCO captions file: it lacks {error}") from error
    for image_id, caption in captions:
        name = names.get(image_id, f"(image {image_id})")
        yield Pair(picture=name, image=_inside(Path(root), name), caption=str(caption))
    told = {image_id for image_id, _ in captions}
    for name in (names[image_id] for image_id in names if image_id not in told):
        yield Pair(picture=name, image=_inside(Path(root), name), caption="")


def tfds(place, options):
    """A TensorFlow Datasets name, or the folder of a prepared set: an image and a text feature."""
    found = catalogue.pairs(place, options.image_column, options.caption_column)
    for picture, image, caption, split in found:
        yield Pair(picture=picture, image=image, caption=caption, split=split)


def sprites(place, options):
    """The engraved sprites of a level, drawn at the size they are stored at."""
    from data_prep.sources import sprites as drawing
    from data_prep.stages.images import png

    if not place.isdigit():
        raise UserError(f"sprites:{place} is not a level; type for example sprites:3")
    chunk = 200  # pictures at once: a few MB
    for start in range(0, options.num_pairs, chunk):
        count = min(chunk, options.num_pairs - start)
        try:
            drawn = drawing.draw(options.seed, int(place), options.image_size, start, count)
        except (ValueError, KeyError) as error:
            raise UserError(f"sprites:{place} cannot be drawn: {error}") from error
        for number, (pixels, caption, attributes) in enumerate(zip(*drawn, strict=True), start):
            name = f"sprite_{number:06d}"
            facts = json.dumps(attributes, sort_keys=True)
            yield Pair(name, png(pixels), caption, attributes=facts, made=True)


def _gutenberg(place, options):
    for picture, image, caption, book in gutenberg.pictures(place):
        yield Pair(picture=picture, image=image, caption=caption, group=book)


def _from_table(path, options):
    wanted = [options.image_column, options.caption_column]
    if options.group_column != "group":  # a name that the user typed must be there
        wanted.append(options.group_column)
    for row in tables.read(path, wanted):
        yield Pair(
            picture=row[options.image_column],
            image=_inside(path.parent, row[options.image_column]),
            caption=row.get(options.caption_column, ""),
            group=row.get(options.group_column, ""),
            split=row.get("split", ""),
        )


def _from_sidecars(root):
    found = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise UserError(
            f"folder:{root} has no pictures and no captions.csv; it needs captions.csv (or .tsv, "
            f".jsonl) with columns image, caption, or pictures with a .txt file each"
        )
    for path in found:
        sidecar = path.with_suffix(".txt")
        caption = sidecar.read_bytes().decode(errors="replace") if sidecar.is_file() else ""
        yield Pair(picture=_printable(path.relative_to(root)), image=path, caption=caption)


def _inside(root, name):
    """Path of a picture; a name that leads out of the folder is treated as missing."""
    if not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return root / "(outside the folder)" / (os.path.basename(name) or "(no name)")
    for form in ("NFC", "NFD"):  # file systems disagree on how an accent is stored
        path = root / unicodedata.normalize(form, name)
        if path.exists():
            return path
    return root / name


def _printable(path):
    """A file name as text, with bytes that are not UTF-8 shown as a replacement mark."""
    return os.fsencode(path.as_posix()).decode(errors="replace")


SOURCES = {
    "folder": folder,
    "coco": coco,
    "tfds": tfds,
    "gutenberg": _gutenberg,
    "sprites": sprites,
}

USAGE = (
    "folder:DIR",
    "coco:ANNOTATIONS.json,IMAGES",
    "tfds:NAME",
    "gutenberg:DIR_OR_ZIP_OR_NUMBER",
    "sprites:LEVEL",
)
