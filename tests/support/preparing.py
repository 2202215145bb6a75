"""What tests of data preparation share."""

from argparse import Namespace

DEFAULTS = {
    "image_column": "image",
    "caption_column": "caption",
    "group_column": "group",
    "lines": "text",
    "image_size": 32,
    "seed": 0,
    "num_pairs": 3,
}


def with_defaults(**options) -> Namespace:
    """The command's options as a source sees them."""
    return Namespace(**(DEFAULTS | options))
