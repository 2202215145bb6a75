"""The stages of preparing a data set, in the order of `prepare`."""

from argparse import Namespace
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from data_prep import splits, workers
from data_prep.captions_alone import CaptionsAlone
from data_prep.output import card
from data_prep.output import folder as output
from data_prep.output.ledger import Ledger, nothing_left
from data_prep.sources import specs
from data_prep.stages import captions, duplicates, images, vocabulary
from mmvae.data.directory import TOKENIZER
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError

_BATCH = 2048  # raw pictures held at once


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
        pairs = [pair for pair, _ in kept]
        by_work = splits.ByWork(pairs, ledger, options) if options.split_by == "work" else None
        kept, doubles = _without_duplicates(kept, pictures, options, by_work)
        rejected = [*ledger.refused, *screened, *doubles]
        output.write_rejected(folder, rejected)
        if not kept:
            raise UserError(nothing_left(rejected, ledger))
        members = _split(kept, options, ledger, by_work)
        channels = options.channels or max(pictures[pair.picture].channels for pair, _ in kept)
        encoded = _encode(kept, pictures, channels, options, parallel)
    alone = _captions_alone(members, ledger, by_work)
    tokenizer = _tokenizer(members, alone, options, folder)
    rows = {
        split: [_row(pair, text, encoded[pair.picture], tokenizer) for pair, text in own]
        for split, own in members.items()
    }
    image = {"size": options.image_size, "channels": channels, "format": options.image_format}
    if ledger.prose:
        rows["train"] += _rows_alone(alone, tokenizer, image, options)
    reasons = Counter(refused.reason for _, refused in rejected)
    facts = {"name": _name(options.source), "sources": options.source, "settings": settings}
    facts |= card.describe(rows, image, len(kept) + len(rejected), reasons)
    facts["inputs"] = ledger.facts()
    if ledger.prose:
        number = sum(not row["present"]["image"] for row in rows["train"])
        facts["prose"] = alone.facts(number)
    facts["vocabulary"] = _measure(tokenizer, members, options)
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


def _without_duplicates(kept, pictures, options, by_work):
    """([(pair, caption)] of one picture of each cluster, [(pair, Refused)]).

    Of copies in several works the one that is held out stays: what is added cannot replace it by
    one that trains.
    """
    held = {pair.picture: splits.HELD_OUT.index(by_work.of(pair)) for pair, _ in kept if by_work}
    near = not options.keep_near_duplicates
    names = list({pair.picture: None for pair, _ in kept if not pair.rendered})
    captioned = {pair.picture for pair, text in kept if text}
    ranks = [(name in captioned, held.get(name, 0), pictures[name].pixels) for name in names]
    instead = duplicates.instead(names, [pictures[name] for name in names], ranks, near)
    rejected = []
    for pair, _ in kept:
        if pair.picture in instead:
            other = instead[pair.picture]
            exact = pictures[other].png == pictures[pair.picture].png
            reason = "exact duplicate picture" if exact else "near-duplicate picture"
            rejected.append((pair, images.Refused(reason, f"duplicate of {other}")))
    return [item for item in kept if item[0].picture not in instead], rejected


def _split(kept, options, ledger, by_work):
    """{split: [(pair, caption)]}, each in the order of a hash, so that shards are mixed."""
    pairs = [pair for pair, _ in kept]
    if by_work:
        chosen = [by_work.of(pair) for pair in pairs]
        by_work.check(chosen, options)
    else:
        chosen = splits.carved(pairs, options, ledger)
    return {name: [kept[i] for i in rows] for name, rows in splits.in_order(pairs, chosen).items()}


def _encode(kept, pictures, channels, options, parallel):
    """{picture: bytes as stored}."""
    names = list({pair.picture: None for pair, _ in kept})
    jobs = [(pictures[name].png, channels, options.image_format) for name in names]
    with tqdm(total=len(jobs), desc="encoding pictures", unit=" pictures", disable=None) as bar:
        return dict(zip(names, parallel(_encode_picture, jobs, bar.update), strict=True))


def _encode_picture(job):
    return images.encode(*job)


def _tokenizer(members, alone, options, folder):
    path = folder / TOKENIZER
    texts = [text for _, text in members["train"] if text]
    if not texts:
        raise UserError("no pair of the training split has a caption; a vocabulary needs some")
    if options.tokenizer:
        try:
            Tokenizer(options.tokenizer)
        except ValueError as error:
            raise UserError(f"--tokenizer: {error}") from error
        path.write_bytes(Path(options.tokenizer).read_bytes())
    else:
        # As much prose as captions: all of it would leave them few pieces of their own.
        prose = [sentence.text for sentence in alone.first(len(texts))]
        path.write_bytes(vocabulary.train(texts + prose, options.vocab_size))
    return Tokenizer(path)


def _measure(tokenizer, members, options):
    texts = {split: [text for _, text in own] for split, own in members.items()}
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
        "present": {"image": True, "caption": bool(text)},
    }


def _captions_alone(members, ledger, by_work):
    """Sentences of the texts of no group that holds a pair out."""
    held = {pair.group for split, own in members.items() if split != "train" for pair, _ in own}
    of_group = by_work.of_group if by_work else lambda group: "train"
    trains = lambda group: group not in held and of_group(group) == "train"
    return CaptionsAlone(ledger.prose, trains, [t for own in members.values() for _, t in own])


def _rows_alone(alone, tokenizer, image, options):
    """Rows with a blank picture for a reader that cannot do without one."""
    mode = "L" if image["channels"] == 1 else "RGB"
    paper = Image.new(mode, (image["size"], image["size"]), "white")
    blank = images.as_file(paper, image["format"])
    return [
        {
            "image": blank,
            "caption": sentence.text,
            "caption_ids": pieces,
            "id": sentence.id,
            "group": sentence.group,
            "attributes": "{}",
            "present": {"image": False, "caption": True},
        }
        for sentence, pieces in alone.rows(tokenizer, options)
    ]


def _name(sources):
    """A short name for what the sources hold, the same wherever the data set is written."""
    places = [spec.partition(":") for spec in sources]
    return " + ".join(f"{kind} {Path(place).name}" for kind, _, place in places)
