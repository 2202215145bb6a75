"""The stages of preparing a data set, in the order of `prepare`."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from data_prep import workers
from data_prep.output import card
from data_prep.output import folder as output
from data_prep.sources import specs as sources
from data_prep.stages import captions, duplicates, images, splitting, vocabulary
from mmvae.data.directory import TOKENIZER
from mmvae.data.text import Tokenizer
from mmvae.errors import UserError

_BATCH = 2048  # raw pictures held at once


def prepare(options, settings, folder):
    """Writes the whole data set into a folder; returns its card."""
    with workers.pool(options.workers) as parallel:
        pairs, pictures = _collect(options, parallel)
        kept, rejected = _screen(pairs, pictures, options)
        kept, doubles = _without_duplicates(kept, pictures)
        rejected += doubles
        output.write_rejected(folder, rejected)
        if not kept:
            raise UserError(f"no usable pair is left of {len(pairs)}: {_reasons(rejected)}")
        splits = _split(kept, options)
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
    facts |= card.describe(rows, image, len(pairs), reasons)
    facts["vocabulary"] = _measure(tokenizer, splits, options)
    output.write_card(folder, facts, card.contact_sheet_of(rows["train"]))
    output.write_records(folder, rows, image)
    return facts


def _collect(options, parallel):
    """(pairs, {picture: Cleaned or Refused}): every picture is cleaned once."""
    rules = images.Rules(options.image_size, options.channels, options.min_side, options.max_aspect)
    pairs, pictures = [], {}
    stream = _of_groups(sources.read(options.source, options), options)
    with tqdm(desc="cleaning pictures", unit=" pairs", disable=None) as bar:
        while batch := list(islice(stream, _BATCH)):
            new = {pair.picture: pair for pair in batch if pair.picture not in pictures}
            jobs = [(pair.image, pair.made, rules) for pair in new.values()]
            pictures |= zip(new, parallel(_clean_picture, jobs, bar.update), strict=True)
            bar.update(len(batch) - len(new))
            pairs += [replace(pair, image=b"") for pair in batch]
    return pairs, pictures


def _of_groups(pairs, options):
    """Yields the pairs of the groups asked for (a book, say)."""
    only, without, found = set(options.groups), set(options.without_groups), set()
    for pair in pairs:
        found.add(pair.group)
        if pair.group not in without and (not only or pair.group in only):
            yield pair
    if unknown := (only | without) - found:
        raise UserError(
            f"no pair belongs to group {', '.join(sorted(unknown))}; in the column "
            f"{options.group_column} (--group-column) there are: "
            f"{', '.join(sorted(found - {''})[:10]) or 'none'}{', ...' if len(found) > 10 else ''}"
        )


def _clean_picture(job):
    image, made, rules = job
    return images.accept(image) if made else images.clean(image, rules)


def _screen(pairs, pictures, options):
    """([(pair, caption)] worth keeping, [(pair, Refused)])."""
    kept, rejected, seen = [], [], set()
    for pair in pairs:
        text = pair.caption if pair.made else captions.clean(pair.caption)
        reason = "" if pair.made else captions.useless(text, pair.caption)
        if reason and options.keep_uncaptioned:
            text, reason = "", ""
        picture = pictures[pair.picture]
        if isinstance(picture, images.Refused):
            rejected.append((pair, picture))
        elif reason:
            rejected.append((pair, images.Refused(reason, text)))
        elif (pair.picture, text) in seen:
            rejected.append((pair, images.Refused("same picture and caption twice")))
        else:
            seen.add((pair.picture, text))
            kept.append((pair, text))
    return kept, rejected


def _without_duplicates(kept, pictures):
    """([(pair, caption)] of one picture of each cluster, [(pair, Refused)])."""
    names = list({pair.picture: None for pair, _ in kept if not pair.made})
    captioned = {pair.picture for pair, text in kept if text}
    ranks = [(name in captioned, pictures[name].pixels) for name in names]
    instead = duplicates.instead(names, [pictures[name] for name in names], ranks)
    rejected = []
    for pair, _ in kept:
        if pair.picture in instead:
            other = instead[pair.picture]
            exact = pictures[other].png == pictures[pair.picture].png
            reason = "exact duplicate picture" if exact else "near-duplicate picture"
            rejected.append((pair, images.Refused(reason, f"duplicate of {other}")))
    return [item for item in kept if item[0].picture not in instead], rejected


def _split(kept, options):
    """{split: [(pair, caption)]}, each in the order of a hash, so that shards are mixed."""
    by_group = options.split_by == "group"
    keys = [(by_group and pair.group) or pair.picture for pair, _ in kept]
    fractions = {"val": options.val_fraction, "test": options.test_fraction}
    chosen = splitting.assign(keys, [pair.split for pair, _ in kept], fractions)
    order = sorted(range(len(kept)), key=lambda i: splitting.order(kept[i][0].id))
    names = [name for name in splitting.SPLITS if name in chosen]
    return {name: [kept[i] for i in order if chosen[i] == name] for name in names}


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


def _name(specs):
    """A short name for what the sources hold, the same wherever the data set is written."""
    places = [spec.partition(":") for spec in specs]
    return " + ".join(f"{kind} {Path(place).name}" for kind, _, place in places)


def _reasons(rejected):
    counts = Counter(refused.reason for _, refused in rejected)
    if not counts:
        return "the source holds no picture"
    pair, refused = rejected[0]
    listed = ", ".join(f"{reason} ({number})" for reason, number in counts.most_common())
    return f"{listed}; for example {pair.id}: {refused.detail or refused.reason}"
