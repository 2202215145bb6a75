"""Starting from another run: its model, as far as this one has room for it.

A parameter of the same path and shape is loaded. One whose input size changed is resized, and
word embeddings of another vocabulary are carried over piece by piece. The rest starts anew.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np
from flax import traverse_util
from jaxtyping import PyTree
from ml_collections import ConfigDict

from mmvae.data.text import NUM_SPECIAL, Tokenizer
from mmvae.errors import UserError
from mmvae.inference.session import Session
from mmvae.models import adapters
from mmvae.runs import patterns
from mmvae.training import optimizer
from mmvae.training.resizing import resized

LOADED, RESIZED, CARRIED, NEW = "loaded", "resized", "carried over", "new"
ADAPTER = "of new adapters"
_MEANING = ("kind", "heads", "squeeze", "classes")  # of a modality: other values, another model
_FATES = (LOADED, RESIZED, CARRIED, NEW, ADAPTER)


@dataclass(frozen=True)
class WarmStart:
    """Parameters to start from, and where each came from.

    Attributes:
        params: nested dict like the model's own.
        fates: {path: LOADED, RESIZED, CARRIED, NEW or ADAPTER}.
        ignored: paths of the other run's parameters that this model has no place for.
        source: the other run, in words.
        shared: pieces that both vocabularies have, or None for the same vocabulary.
    """

    params: PyTree
    fates: dict[str, str]
    ignored: list[str]
    source: str
    shared: int | None


def warm_start(config: ConfigDict, fresh: PyTree, tokenizer: Tokenizer) -> WarmStart:
    """WarmStart of a run from the best checkpoint of `config.init.from_run`.

    `fresh` are the parameters of a model that starts anew; adapters of the other run are merged
    into its matrices.

    Raises:
        UserError: no run there, most of it does not fit, or what starts anew would be frozen.
    """
    start = taken_over(Session.load(config.init.from_run), config, fresh, tokenizer)
    _check_fit(start, config, fresh)
    _check_frozen(start, config, fresh)
    return start


def taken_over(
    session: Session, config: ConfigDict, fresh: PyTree, tokenizer: Tokenizer
) -> WarmStart:
    """WarmStart of `warm_start` from the model of a Session, as far as it fits."""
    same_words = session.tokenizer.path.read_bytes() == tokenizer.path.read_bytes()
    stored, wanted = _flat(session.params), _flat(fresh)
    skipped = _flat(patterns.chosen(config.init.skip, fresh, "init.skip"))
    modalities = session.config.model.modalities, config.model.modalities
    strangers = _strangers(*modalities)
    starts = {}
    for path, leaf in wanted.items():
        anew = skipped[path] or path.split("/")[0] in strangers
        old = None if anew else stored.get(path)
        words = None if same_words or not path.endswith("/embedding") else tokenizer
        starts[path] = _start_of(path, old, leaf, words, session.tokenizer, modalities)
    fates = {path: fate for path, (_, fate) in starts.items()}
    params = traverse_util.unflatten_dict({p: value for p, (value, _) in starts.items()}, sep="/")
    shared = None if same_words else len(_learnt(tokenizer) & _learnt(session.tokenizer))
    source = f"{config.init.from_run}, checkpoint {session.step}"
    return WarmStart(params, fates, sorted(stored.keys() - wanted.keys()), source, shared)


def _strangers(before, after):
    """Parts of modalities whose parameters mean something else, even where shapes agree."""
    same = lambda a, b: all(a.get(field) == b.get(field) for field in _MEANING)
    names = [n for n, spec in after.items() if n not in before or not same(before[n], spec)]
    return {f"{part}_{name}" for part in ("encoders", "decoders") for name in names}


def _check_fit(start, config, fresh):
    skipped = _flat(patterns.chosen(config.init.skip, fresh, "init.skip"))
    wanted = {path: leaf.size for path, leaf in _flat(fresh).items() if not skipped[path]}
    new = sum(size for path, size in wanted.items() if start.fates[path] == NEW)
    if new > sum(wanted.values()) / 2:
        run = config.init.from_run
        raise UserError(
            f"config.init.from_run={run}: {new / sum(wanted.values()):.0%} of this model's "
            f"parameters do not fit that run; take its model settings "
            f"(--config configs/finetune_style.py:{run}), or name in config.init.skip what starts "
            "anew."
        )


def _check_frozen(start, config, fresh):
    held = _flat(optimizer.frozen(config, fresh))
    parts = sorted({p.split("/")[0] for p, fate in start.fates.items() if held[p] and fate == NEW})
    if parts:
        exempt = "','".join(f"!{part}*" for part in parts)
        raise UserError(
            f"config.train.freeze would keep new, random parameters of {', '.join(parts)}; "
            f"add '{exempt}' to it."
        )


def lines(start: WarmStart) -> Iterator[str]:
    """Lines that say what was loaded, resized, carried over, new and ignored."""
    yield f"start       from {start.source}"
    sizes = {path: leaf.size for path, leaf in _flat(start.params).items()}
    for part in sorted({path.split("/")[0] for path in sizes}):
        counts = Counter()
        for path, fate in start.fates.items():
            if path.split("/")[0] == part:
                counts[fate] += sizes[path]
        counted = ", ".join(f"{counts[f]:,} {f}" for f in _FATES if counts[f])
        yield f"start       {part:<20} {counted}"
    for fate in (RESIZED, CARRIED, NEW):
        paths = [path for path, one in start.fates.items() if one == fate]
        if paths:
            yield f"start       {fate}: {_listed(paths)}"
    if start.shared is not None:
        yield f"start       {start.shared:,} learnt pieces are in both vocabularies"
    if start.ignored:
        yield f"start       ignored: {_listed(start.ignored)}"


def _start_of(path, old, fresh, words, old_words, modalities):
    """(array, fate) of one parameter; `words` is the tokenizer if the vocabulary changed."""
    if path.endswith((adapters.IN, adapters.OUT)):
        return fresh, ADAPTER
    if old is not None and words is not None and old.shape[1] == fresh.shape[1]:
        return _carried(old, fresh, old_words, words), CARRIED
    if old is not None and old.shape == fresh.shape:
        return old, LOADED
    value = None if old is None else resized(path, old, fresh, *modalities)
    return (fresh, NEW) if value is None else (value, RESIZED)


def _carried(old, fresh, old_words, words):
    """Embeddings [V, W] of new pieces: those of the same old piece, or the mean of the pieces
    that the old vocabulary spells them with (Gee et al. 2022)."""
    rows = {old_words.spelling(index): [index] for index in range(old_words.vocab_size)}
    carried = np.array(fresh)
    carried[:NUM_SPECIAL] = old[:NUM_SPECIAL]
    for index in range(NUM_SPECIAL, words.vocab_size):
        text = words.spelling(index)
        spelled = rows.get(text) or old_words.pieces_within(text.replace("▁", " "))
        if spelled:
            carried[index] = old[np.array(spelled)].mean(0)
    return carried


def _flat(tree):
    flat = traverse_util.flatten_dict(jax.device_get(tree), sep="/")
    return {path: np.asarray(leaf) for path, leaf in flat.items()}


def _learnt(tokenizer):
    """Spellings of the pieces that are neither special nor bytes."""
    ids = range(NUM_SPECIAL, tokenizer.vocab_size)
    return {tokenizer.spelling(index) for index in ids if not tokenizer.is_fallback(index)}


def _listed(paths, most=6):
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
