"""The `imagefolder` layout of Hugging Face: metadata in split folders, pictures by `file_name`."""

from argparse import Namespace
from collections.abc import Iterator

from data_prep.sources import folder
from data_prep.sources.pair import Item
from data_prep.sources.tables import rows

CAPTIONS = ("text", "caption", "captions", "prompt", "description")


def read(place: str, options: Namespace) -> Iterator[Item]:
    """DIR with `metadata.jsonl`, `.csv` or `.parquet`, in its split folders or beside them.

    The caption is in `--caption-column`, or in the first of CAPTIONS that the metadata has.

    Raises:
        UserError: no such folder, or metadata without these columns.
    """
    _, caption, *others = rows.wanted(options)
    captions = caption if options.caption_column != "caption" else CAPTIONS
    yield from folder.with_columns(place, options, [["file_name"], captions, *others])
