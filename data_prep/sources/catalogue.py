"""Sets of TensorFlow Datasets as a source: any that has an image and a text feature."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_prep.sources.pair import Pair
from data_prep.stages import splitting
from data_prep.stages.images import Refused
from mmvae.errors import UserError


def read(place: str, options: Namespace) -> Iterator[Pair]:
    """Every caption of every picture of a set.

    Args:
        place: a name of the catalogue, downloaded if need be, or the folder of a prepared set.
        options: names the image and the text feature to use where there are several.

    Raises:
        UserError: no such set, a damaged one, no feature of a kind, or several to choose from.
    """
    import tensorflow_datasets as tfds

    builder = _builder(tfds, place)
    features = builder.info.features
    image = _feature(features, tfds.features.Image, options.image_column, place)
    text = _feature(features, tfds.features.Text, options.caption_column, place)
    encoded = {image: tfds.decode.SkipDecoding()}
    for split in sorted(builder.info.splits):
        rows = builder.as_dataset(split=split, decoders=encoded, shuffle_files=False)
        for number, row in enumerate(_sound(tfds.as_numpy(rows), f"tfds:{place}: {split}")):
            yield from _pairs(f"{split}/{number}", row[image], row[text], split)


def _sound(rows, place):
    """The rows of a split; UserError where a shard is damaged, cut off or missing."""
    import tensorflow as tf

    number = 0
    try:
        for row in rows:
            yield row
            number += 1
    except tf.errors.OpError as error:
        raise UserError(
            f"{place} cannot be read after {number} rows ({error.message.splitlines()[0][-200:]}); "
            f"download or prepare that set again"
        ) from error


def texts(value: Any) -> list[bytes]:
    """The captions in a feature: one text, a sequence of them, or one in a nested feature.

    An empty sequence is one empty caption: the picture is there all the same.
    """
    if isinstance(value, dict):
        value = next(inner for inner in value.values() if inner.dtype.kind == "O")
    return list(value if getattr(value, "ndim", 0) else [value]) or [b""]


def _pairs(name, image, value, split):
    for content in texts(value):
        try:
            caption, fault = content.decode(), None
        except UnicodeDecodeError as error:
            caption, fault = "", Refused("caption is not UTF-8", str(error))
        given, named = splitting.of_folders(f"{split}/"), splitting.of_file(split)
        yield Pair(name, image, caption, split=given, named_split=named, fault=fault)


def _builder(tfds, place):
    try:
        if Path(place).is_dir():
            return tfds.builder_from_directory(place)
        builder = tfds.builder(place)
        builder.download_and_prepare()
        return builder
    except Exception as error:  # TFDS raises a dozen kinds, from its registry to the network
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"tfds:{place} cannot be prepared: {reason}") from error


def _feature(features, kind, preferred, place):
    """Name of the feature of a kind: the preferred one, else the only one."""
    names = [name for name in features if _holds(features[name], kind)]
    if preferred in names:
        return preferred
    if len(names) != 1:
        raise UserError(
            f"tfds:{place} has {len(names)} {kind.__name__.lower()} features "
            f"({', '.join(names) or 'none'}) among {', '.join(features)}; "
            f"choose with --image-column or --caption-column"
        )
    return names[0]


def _holds(feature, kind):
    """Whether a feature is of a kind, or is a sequence or a dict of one."""
    inner = getattr(feature, "feature", feature)
    nested = inner.values() if hasattr(inner, "values") else [inner]
    return any(isinstance(one, kind) for one in nested)
