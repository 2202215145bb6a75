"""The stages of preparing a data set, in the order of `prepare`."""

from argparse import Namespace
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep import workers
from data_prep.output import card
from data_prep.output import folder as output
from data_prep.output.ledger import Ledger, nothing_left
from data_prep.sources import specs
from data_prep.sources.pair import Note
from data_prep.stages import captions, duplicates, images, splitting, vocabulary
from mmvae.data.directory import TOKENIZER
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError

_BATCH = 2048  # raw pictures held at once
_ANEW = "--split-names ignore chooses them by hash"


def prepare(options: Namespace, settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the whole data set into a folder; returns its card.

    Args:
        options: of the command.
        settings: of them those that the card keeps.
        folder: an empty one.

    Raises:
        UserError: a source is wrong, or too little of it is usable.
    """
    ledger = Ledger()
    with workers.pool(options.workers) as parallel:
        with specs.staying(options.source):
            pairs, pictures = _collect(options, ledger, parallel)
        kept, screened = _screen(pairs, pictures, options)
        near = not options.keep_near_duplicates
        kept, doubles = _without_duplicates(kept, pictures, near)
        rejected = [*ledger.refused, *screened, *doubles]
        output.write_rejected(folder, rejected)
        if not kept:
            raise UserError(nothing_left(rejected, ledger))
        splits = _split(kept, options, ledger)
        channels = options.channels or max(pictures[pair.picture].channels for pair, _ in kept)
        encoded = _encode(kept, pictures, channels, options, parallel)
    tokenizer = _tokenizer(splits, options, folder)
    rows = {
        split: [_row(pair, text, encoded[pair.picture], tokenizer) for pair, text in members]
        for split, members in splits.items()
    }
    image = {"size": options.image_size, "channels": channels, "format": options.image_format}
    reasons = Counter(refused.reason for _, refused in rejected)
    facts = {"name": _name(options.source), "sources": options.source, "settings": settings}
    facts |= card.describe(rows, image, len(kept) + len(rejected), reasons)
    facts["inputs"] = ledger.facts()
    facts["vocabulary"] = _measure(tokenizer, splits, options)
    output.write_card(folder, facts, card.contact_sheet_of(rows["train"]))
    output.write_records(folder, rows, image)
    return facts


def _collect(options, ledger, parallel):
    """(pairs, {picture: Cleaned or Refused}): every picture is cleaned once."""
    rules = images.Rules(options.image_size, options.channels, options.min_side, options.max_aspect)
    pairs, pictures = [], {}
    stream = ledger.pairs(specs.read(options.source, options))
    with tqdm(desc="cleaning pictures", unit=" pairs", disable=None) as bar:
        while batch := list(islice(stream, _BATCH)):
            new = {pair.picture: pair for pair in batch if pair.picture not in pictures}
            jobs = [(pair.image, pair.rendered, rules) for pair in new.values()]
            pictures |= zip(new, parallel(_clean_picture, jobs, bar.update), strict=True)
            bar.update(len(batch) - len(new))
            pairs += [replace(pair, image=b"") for pair in batch]
    return pairs, pictures


def _clean_picture(job):
    image, rendered, rules = job
    return images.accept(image) if rendered else images.clean(image, rules)


def _screen(pairs, pictures, options):
    """([(pair, caption)] worth keeping, [(pair, Refused)])."""
    kept, rejected, seen = [], [], set()
    for pair in pairs:
        as_it_is = pair.rendered or options.raw_captions
        text, reason = captions.raw(pair.caption) if as_it_is else captions.judged(pair.caption)
        fault = pair.fault or (images.Refused(reason, text) if reason else None)
        if fault and options.keep_uncaptioned:
            text, fault = "", None
        picture = pictures[pair.picture]
        if isinstance(picture, images.Refused):
            rejected.append((pair, picture))
        elif fault:
            rejected.append((pair, fault))
        elif (pair.picture, text) in seen:
            rejected.append((pair, images.Refused("same picture and caption twice")))
        else:
            seen.add((pair.picture, text))
            kept.append((pair, text))
    return kept, rejected


def _without_duplicates(kept, pictures, near):
    """([(pair, caption)] of one picture of each cluster, [(pair, Refused)])."""
    names = list({pair.picture: None for pair, _ in kept if not pair.rendered})
    captioned = {pair.picture for pair, text in kept if text}
    ranks = [(name in captioned, pictures[name].pixels) for name in names]
    instead = duplicates.instead(names, [pictures[name] for name in names], ranks, near)
    rejected = []
    for pair, _ in kept:
        if pair.picture in instead:
            other = instead[pair.picture]
            exact = pictures[other].png == pictures[pair.picture].png
            reason = "exact duplicate picture" if exact else "near-duplicate picture"
            rejected.append((pair, images.Refused(reason, f"duplicate of {other}")))
    return [item for item in kept if item[0].picture not in instead], rejected


def _split(kept, options, ledger):
    """{split: [(pair, caption)]}, each in the order of a hash, so that shards are mixed."""
    pairs = [pair for pair, _ in kept]
    pictures = [pair.picture for pair in pairs]
    groups = [pair.group if options.split_by == "group" else "" for pair in pairs]
    fractions = {"val": options.val_fraction, "test": options.test_fraction}
    given = splitting.one_each(pictures, _given(pairs, options, ledger))
    chosen = splitting.assign(splitting.whole(pictures, groups), given, fractions, pictures)
    order = sorted(range(len(kept)), key=lambda i: splitting.order(pairs[i].id))
    names = [name for name in splitting.SPLITS if name in chosen]
    return {name: [kept[i] for i in order if chosen[i] == name] for name in names}


def _given(pairs, options, ledger):
    """The split of each pair that its author chose: in a column, or by the name of a folder."""
    columns = [pair.split for pair in pairs]
    named = [pair.split or pair.named_split for pair in pairs]
    if options.split_names == "ignore" or named == columns:
        return columns
    counts = Counter(split or "by hash" for split in named)
    listed = ", ".join(f"{split} {number}" for split, number in counts.items())
    if not {"", "train"} & set(named):
        ledger.note(Note(f"folders or files named {listed} are not taken as splits: none is left"))
        return columns
    ledger.note(Note(f"splits as folders or files are named ({listed}); {_ANEW}"))
    return named


def _encode(kept, pictures, channels, options, parallel):
    """{picture: bytes as stored}."""
    names = list({pair.picture: None for pair, _ in kept})
    jobs = [(pictures[name].png, channels, options.image_format) for name in names]
    with tqdm(total=len(jobs), desc="encoding pictures", unit=" pictures", disable=None) as bar:
        return dict(zip(names, parallel(_encode_picture, jobs, bar.update), strict=True))


def _encode_picture(job):
    return images.encode(*job)


def _tokenizer(splits, options, folder):
    path = folder / TOKENIZER
    texts = [text for _, text in splits["train"] if text]
    if not texts:
        raise UserError("no pair of the training split has a caption; a vocabulary needs some")
    if options.tokenizer:
        try:
            Tokenizer(options.tokenizer)
        except ValueError as error:
            raise UserError(f"--tokenizer: {error}") from error
        path.write_bytes(Path(options.tokenizer).read_bytes())
    else:
        path.write_bytes(vocabulary.train(texts, options.vocab_size))
    return Tokenizer(path)


def _measure(tokenizer, splits, options):
    texts = {split: [text for _, text in members] for split, members in splits.items()}
    requested = 0 if options.tokenizer else options.vocab_size
    return vocabulary.measure(tokenizer, texts, requested, options.caption_length)


def _row(pair, text, image, tokenizer):
    return {
        "image": image,
        "caption": text,
        "caption_ids": tokenizer.pieces(text),
        "id": pair.id,
        "group": pair.group or pair.picture,
        "attributes": pair.attributes,
    }


def _name(sources):
    """A short name for what the sources hold, the same wherever the data set is written."""
    places = [spec.partition(":") for spec in sources]
    return " + ".join(f"{kind} {Path(place).name}" for kind, _, place in places)
