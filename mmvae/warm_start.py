"""Starting from another run: its model, as far as this one has room for it.

A parameter of the same path and shape is loaded. One whose input size changed is resized, and
word embeddings of another vocabulary are carried over piece by piece. The rest starts anew.
"""

from collections import Counter
from dataclasses import dataclass

import jax
import numpy as np
from flax import traverse_util

from mmvae import patterns
from mmvae.errors import UserError
from mmvae.inference import Session
from mmvae.resizing import resized

LOADED, RESIZED, CARRIED, NEW = "loaded", "resized", "carried over", "new"


@dataclass(frozen=True)
class WarmStart:
    """Parameters to start from, and where each came from.

    Attributes:
        params: nested dict like the model's own.
        fates: {path: LOADED, RESIZED, CARRIED or NEW}.
        ignored: paths of the other run's parameters that this model has no place for.
        source: the other run, in words.
        shared: pieces that both vocabularies have, or None for the same vocabulary.
    """

    params: dict
    fates: dict
    ignored: list
    source: str
    shared: int | None


def warm_start(config, fresh, tokenizer):
    """WarmStart of a run from the best checkpoint of `config.init.from_run`.

    `fresh` are the parameters of a model that starts anew; adapters of the other run are merged
    into its matrices.

    Raises:
        UserError: no run there, or it has nothing that fits.
    """
    start = taken_over(Session.load(config.init.from_run), config, fresh, tokenizer)
    if LOADED not in start.fates.values():
        raise UserError(
            f"config.init.from_run={config.init.from_run}: none of its parameters fits this model; "
            f"take its model settings: --config configs/finetune_style.py:{config.init.from_run}"
        )
    return start


def taken_over(session, config, fresh, tokenizer):
    """WarmStart of `warm_start` from the model of a Session."""
    same_words = _model_of(session.tokenizer) == _model_of(tokenizer)
    stored, wanted = _flat(session.params), _flat(fresh)
    skipped = _flat(patterns.chosen(config.init.skip, fresh, "init.skip"))
    modalities = session.config.model.modalities, config.model.modalities
    found = {}
    for path, leaf in wanted.items():
        old = None if skipped[path] else stored.get(path)
        words = None if same_words or not path.endswith("/embedding") else tokenizer
        found[path] = _start_of(path, old, leaf, words, session.tokenizer, modalities)
    fates = {path: fate for path, (_, fate) in found.items()}
    params = traverse_util.unflatten_dict({p: value for p, (value, _) in found.items()}, sep="/")
    shared = None if same_words else len(_spellings(tokenizer) & _spellings(session.tokenizer))
    source = f"{config.init.from_run}, checkpoint {session.step}"
    return WarmStart(params, fates, sorted(stored.keys() - wanted.keys()), source, shared)


def lines(start):
    """Lines that say what was loaded, resized, carried over, new and ignored."""
    yield f"start       from {start.source}"
    sizes = {path: leaf.size for path, leaf in _flat(start.params).items()}
    for part in sorted({path.split("/")[0] for path in sizes}):
        counts = Counter()
        for path, fate in start.fates.items():
            if path.split("/")[0] == part:
                counts[fate] += sizes[path]
        told = ", ".join(f"{counts[f]:,} {f}" for f in (LOADED, RESIZED, CARRIED, NEW) if counts[f])
        yield f"start       {part:<20} {told}"
    for fate in (RESIZED, CARRIED, NEW):
        paths = [path for path, found in start.fates.items() if found == fate]
        if paths:
            yield f"start       {fate}: {_listed(paths)}"
    if start.shared is not None:
        yield f"start       {start.shared:,} pieces are in both vocabularies"
    if start.ignored:
        yield f"start       ignored: {_listed(start.ignored)}"


def _start_of(path, old, fresh, words, old_words, modalities):
    """(array, fate) of one parameter; `words` is the tokenizer if the vocabulary changed."""
    if old is not None and words is not None and old.shape[1] == fresh.shape[1]:
        return _carried(old, fresh, old_words, words), CARRIED
    if old is not None and old.shape == fresh.shape:
        return old, LOADED
    value = None if old is None else resized(path, old, fresh, *modalities)
    return (fresh, NEW) if value is None else (value, RESIZED)


def _carried(old, fresh, old_words, words):
    """Embeddings [V, W] of new pieces: those of the same old piece, or the mean of the pieces
    that the old vocabulary spells them with (Gee et al. 2022)."""
    rows = {old_words.spelling(index): index for index in range(old_words.vocab_size)}
    carried = np.array(fresh)
    for index in range(words.vocab_size):
        text = words.spelling(index)
        spelled = [rows[text]] if text in rows else old_words.pieces(text.replace("▁", " "))
        if spelled:
            carried[index] = old[np.array(spelled)].mean(0)
    return carried


def _flat(tree):
    flat = traverse_util.flatten_dict(jax.device_get(tree), sep="/")
    return {path: np.asarray(leaf) for path, leaf in flat.items()}


def _model_of(tokenizer):
    return tokenizer.path.read_bytes()


def _spellings(tokenizer):
    return {tokenizer.spelling(index) for index in range(tokenizer.vocab_size)}


def _listed(paths, most=6):
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
