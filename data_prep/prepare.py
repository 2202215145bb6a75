"""Raw pairs of pictures and captions -> a data set that training reads.

    python -m data_prep.prepare --source folder:PICTURES --out DATASET

Everything left out is a row of `rejected.csv`; the same command gives the same bytes.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from data_prep import local
from data_prep.output import card, ledger
from data_prep.output import folder as output
from data_prep.sources import specs
from data_prep.stages import remedies
from mmvae import command_line
from mmvae.data.text import verdict
from mmvae.errors import UserError

_MOST_SIDE = 4096  # pixels; a square of more is no picture to train on, and fills the memory
_NOT_SETTINGS = ("out", "overwrite", "workers", "source")
# Flags that older data sets lack: what leaves them as they were is not written down.
_ADDED = {"keep_prose": False, "prose_rows": 0, "split_seed": 0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the data set is there, 2 with one sentence when the input is wrong."""
    return command_line.run(_main, arguments)


def _main(arguments):
    options = _parser().parse_args(arguments)
    _check(options)
    _run(options)


def _run(options: argparse.Namespace) -> None:
    settings = {"sources": options.source} | _settings(options)
    if output.is_there(options.out, settings, options.overwrite, _defaults()):
        print(f"{options.out} already holds this data set, nothing to do; --overwrite prepares it")
        return
    with output.replacing(options.out) as folder:
        facts = local.prepare(options, settings, folder)
    _report(facts, options.out)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    chosen = sorted(vars(options).items())
    said = lambda name, value: value != [] and _ADDED.get(name, ...) != value
    return {n: value for n, value in chosen if n not in _NOT_SETTINGS and said(n, value)}


def _defaults() -> dict[str, Any]:
    """Settings that a data set made before a flag was added lacks."""
    return _settings(_parser().parse_args(["--source", "", "--out", ""]))


def _report(facts: dict[str, Any], out: str) -> None:
    counts = facts["counts"]
    print(f"{counts['found']} pairs found, {counts['kept']} kept, {counts['rejected']} left out:")
    for reason, number in card.by_count(counts):
        print(f"  {number:6d}  {reason}")
    for line in [ledger.not_read(facts["inputs"]["not_read"]), *facts["inputs"]["notes"]]:
        if line:
            print(line)
    for sentence in remedies.advice(counts["rejected_by_reason"], counts["found"]):
        print(sentence)
    for split, number in counts["splits"].items():
        share, groups = counts["fractions"][split], counts["groups"][split]
        print(f"{split}: {number} pairs ({share:.1%}) in {groups} groups")
    for line in (*card.rows_of_kinds(counts), card.prose(facts.get("prose", {}))):
        if line:
            print(line)
    print(verdict(facts["vocabulary"]))
    print(f"Written to {out}: card.md says what is inside, rejected.csv what is not and why.")


def _check(options: argparse.Namespace) -> None:
    """Raises UserError for values that no source could make sense of."""
    least = {
        "image_size": 8,
        "min_side": 1,
        "max_aspect": 1,
        "caption_length": 2,
        "vocab_size": 300,
        "num_pairs": 1,
        "workers": 1,
        "prose_rows": 0,
        "split_seed": 0,
    }
    for name, low in least.items():
        value = getattr(options, name)
        if not value >= low:  # NaN is neither
            raise UserError(f"--{name.replace('_', '-')} {value} is too small; least: {low}")
    if options.image_size > _MOST_SIDE:
        raise UserError(f"--image-size {options.image_size} is too large; most: {_MOST_SIDE}")
    shares = (options.val_fraction, options.test_fraction)
    if not (min(shares) >= 0 and 0 <= sum(shares) < 1):
        raise UserError(
            f"--val-fraction {shares[0]} and --test-fraction {shares[1]} must each be 0 or more "
            f"and leave something to train on; for example 0.1 and 0.05"
        )


def _parser() -> command_line.Parser:
    parser = command_line.Parser(
        prog="python -m data_prep.prepare",
        description="Cleans pairs of pictures and captions and writes them for training.",
        epilog="sources: " + ", ".join(specs.usage()),
    )
    add = parser.add_argument
    add("--source", action="append", required=True, metavar="SPEC", help="where pairs are; repeat")
    add("--out", required=True, help="folder of the data set to write")
    add("--overwrite", action="store_true", help="replace a data set that is already there")
    add("--workers", type=int, default=_cores(), help="processes (default: all cores)")
    _add_pictures(parser.add_argument_group("pictures"))
    _add_captions(parser.add_argument_group("captions and vocabulary"))
    _add_splits(parser.add_argument_group("splits"))
    _add_sources(parser.add_argument_group("sources"))
    return parser


def _add_pictures(group):
    add = group.add_argument
    add("--image-size", type=int, default=128, help="side of the stored square, pixels")
    add("--channels", type=int, choices=(0, 1, 3), default=0, help="0: 1 if all are grey, else 3")
    add("--image-format", choices=("png", "jpeg"), default="png", help="how pictures are stored")
    add("--min-side", type=int, default=32, help="least shorter side of a raw picture, pixels")
    add("--max-aspect", type=float, default=4.0, help="greatest longer / shorter side")
    add(
        "--keep-near-duplicates",
        action="store_true",
        help="keep pictures that are nearly alike, for sets that are by nature (digits, icons)",
    )


def _add_captions(group):
    add = group.add_argument
    add(
        "--raw-captions",
        action="store_true",
        help="store captions as they are: none is cleaned, none is refused but the empty ones",
    )
    add("--keep-uncaptioned", action="store_true", help="keep pictures without a usable caption")
    add("--keep-prose", action="store_true", help="sentences of books' text as captions alone")
    add("--prose-rows", type=int, default=0, help="at most so many captions alone (0: all)")
    ways = "what the lines of a caption file are: one caption, or one each"
    add("--lines", choices=("text", "captions"), default="text", help=ways)
    add("--vocab-size", type=int, default=4000, help="pieces to train (fewer if captions are few)")
    add("--tokenizer", default="", help="use this tokenizer.model instead of training one")
    add("--caption-length", type=int, default=48, help="pieces a caption may have in training")


def _add_splits(group):
    add = group.add_argument
    ways = "what is never torn apart; work: volumes and editions too, and stable when rows come"
    add("--split-by", choices=("group", "pair", "work"), default="group", help=ways)
    add("--split-seed", type=int, default=0, help="another choice of held-out works")
    named = "whether folders and files called train, val, test are these splits"
    add("--split-names", choices=("keep", "ignore"), default="keep", help=named)
    add("--val-fraction", type=float, default=0.1, help="share of pairs for validation")
    add("--test-fraction", type=float, default=0.05, help="share of pairs for the final test")


def _add_sources(group):
    add = group.add_argument
    add("--image-column", default="image", help="column or feature with the picture")
    add("--caption-column", default="caption", help="column or feature with the caption")
    add("--group-column", default="group", help="column with the group, such as the book")
    add("--attribute-columns", nargs="+", default=[], metavar="COLUMN", help="labels and numbers")
    add("--groups", nargs="+", default=[], metavar="GROUP", help="take these alone")
    add("--without-groups", nargs="+", default=[], metavar="GROUP", help="take all but these")
    add("--num-pairs", type=int, default=12000, help="number of sprites to draw")
    add("--seed", type=int, default=0, help="seed of the sprites")


def _cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


if __name__ == "__main__":
    sys.exit(main())
