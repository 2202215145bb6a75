"""Short real runs, each driven into a condition that a report must name.

The fixture `driven` of conftest.py trains them all once, in one process of its own: on one
device and with quick compilation.
"""

import csv
import re
import sys
import time
from pathlib import Path

import sentencepiece

from data_prep.prepare import main as prepare
from mmvae.data import batches as data
from mmvae.data.text import BOS, EOS, PAD, UNK
from mmvae.training.loop import train
from support import tiny
from support.drawings import drawing, to_bytes
from support.places import ROOT

RATE = 2e-3  # a good learning rate for these runs
WAIT = 0.05  # seconds that a starved pipeline waits for a batch; a step takes half of that
VOCABULARY = 120
CONDITIONS = {
    "healthy": {},
    "high": {"optimizer__learning_rate": 100 * RATE},
    "low": {"optimizer__learning_rate": RATE / 100},
    "collapsed": {"loss__weights__kl": 10.0, "loss__kl_warmup_fraction": 0.0},
    "starved": {},  # the same program as the healthy one: it is compiled once
    "few": {
        "optimizer__learning_rate": 2.5 * RATE,
        "train__epochs": 150,
        "train__batch_size": 8,
        "eval__every_epochs": 15,
    },
    "vocabulary": {"train__epochs": 2, "data__caption_length": 24},
}


def config(dataset, **changes):
    """`tiny.config` for a run of some seconds on 32-pixel sprites."""
    settings = {
        "data__dir": str(dataset),
        "data__image_size": 32,
        "data__channels": 3,
        "data__caption_length": 12,
        "data__augment": False,
        "model__latent__dim": 16,
        "loss__weights__kl": 1e-3,
        "optimizer__learning_rate": RATE,
        "train__epochs": 14,
        "train__batch_size": 16,
        "train__ema_decay": 0.9,
        "train__log_every_steps": 4,
        "eval__batch_size": 16,
        "eval__every_epochs": 2,
        "wandb__mode": "disabled",
    }
    return tiny.config(**(settings | changes)).lock()


def drive(name, folder):
    """Train the run of a condition in `folder`/`name`."""
    dataset = DATASETS.get(name, many)(folder)
    batches = data.train_batches
    if name == "starved":
        data.train_batches = lambda *args: slowly(batches(*args))
    try:
        train(config(dataset, **CONDITIONS[name]), folder / name)
    finally:
        data.train_batches = batches


def slowly(batches):
    for batch in batches:
        time.sleep(WAIT)
        yield batch


def many(folder):
    """360 pairs of sprites, with 30 different captions."""
    return prepared(folder / "many_data", "sprites:3", "--num-pairs", "360")


def few(folder):
    """20 training pairs of sprites, with hundreds of possible captions."""
    return prepared(folder / "few_data", "sprites:5", "--num-pairs", "24")


def small_vocabulary(folder):
    """Pairs with captions of real English, and a vocabulary of 120 pieces for them."""
    raw = folder / "english"
    raw.mkdir()
    words = re.findall(r"[A-Za-z]{2,}", (ROOT / "docs" / "data.md").read_text())
    captions = [" ".join(words[i : i + 7]) for i in range(0, 60 * 7, 7)]
    for index in range(len(captions)):
        (raw / f"{index}.png").write_bytes(to_bytes(drawing(index)))
    with (raw / "captions.csv").open("w", newline="") as file:
        rows = [[f"{index}.png", caption] for index, caption in enumerate(captions)]
        csv.writer(file).writerows([["image", "caption"], *rows])
    model = folder / "small.model"
    with model.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(captions[:40]),
            model_writer=file,
            vocab_size=VOCABULARY,
            model_type="bpe",
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            minloglevel=2,
        )
    flags = ["--tokenizer", str(model), "--channels", "3", "--split-by", "pair"]
    return prepared(folder / "english_data", f"folder:{raw}", *flags)


DATASETS = {"few": few, "vocabulary": small_vocabulary}


def prepared(out, source, *flags):
    """A prepared data set of 32-pixel pictures in `out`."""
    arguments = ["--source", source, "--image-size", "32", "--caption-length", "12"]
    arguments += ["--val-fraction", "0.16", "--test-fraction", "0", "--workers", "1"]
    assert prepare([*arguments, "--out", str(out), *flags]) == 0
    return out


def main(folder):
    for name in CONDITIONS:
        start = time.monotonic()
        drive(name, folder)
        print(f"DRIVEN {name}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
