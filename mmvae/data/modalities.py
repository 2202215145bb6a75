"""Each kind of modality outside the model: what a row is, blank, stored, read and shown.

NumPy only. A kind is a class here and a file in `models/`; everything else loops over the
modalities of a run, by name. `Modality` says what each class offers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Int32, Shaped, UInt8

from mmvae.data.labels import Label
from mmvae.data.text import NUM_SPECIAL, PAD, Tokenizer, pad_ids
from mmvae.data.vectors import Vector


class Modality(Protocol):
    """One modality of a run, as data.

    Attributes:
        shape: of one row.
        dtype: of one row.
        encoded: whether a split holds files, decoded when batches are made.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    encoded: bool

    def blank(self, rows: int) -> Shaped[np.ndarray, "B ..."]:
        """What stands where the modality is absent: [rows, *shape]."""

    def present(self, data: Shaped[np.ndarray, "B ..."]) -> Bool[np.ndarray, " B"]:
        """Which rows of data [B, *shape] say something."""

    def stored(self, records: Any) -> Any:
        """The rows of a split (`records.Records`): [N, *shape], or N files where `encoded`."""

    def parsed(self, values: Any) -> Shaped[np.ndarray, "B ..."]:
        """What users give, as data [N, *shape]."""

    def shown(self, data: Shaped[np.ndarray, "B ..."]) -> Any:
        """Data [N, *shape] as users see it."""

    def random(self, rng: np.random.Generator, rows: int) -> Shaped[np.ndarray, "B ..."]:
        """Noise about as long as real data, to time a step on: [rows, *shape]."""

    def derived(self, means: Mapping[str, float]) -> dict[str, float]:
        """What only the merged means {"loss" | metric: float} of the modality can give."""

    def describe(self) -> str:
        """Its size in words."""


@dataclass(frozen=True)
class Image:
    """Pictures, uint8 [H, W, C]; users give and see the same."""

    shape: tuple[int, int, int]
    dtype = np.dtype(np.uint8)
    encoded = True

    def blank(self, rows: int) -> UInt8[np.ndarray, "B H W C"]:
        """Black pictures."""
        return np.zeros((rows, *self.shape), self.dtype)

    def present(self, data: UInt8[np.ndarray, "B H W C"]) -> Bool[np.ndarray, " B"]:
        """Every picture is one."""
        return np.ones(len(data), bool)

    def stored(self, records: Any) -> Any:
        """N PNG or JPEG files."""
        return records.images

    def parsed(self, values: UInt8[np.ndarray, "N H W C"]) -> UInt8[np.ndarray, "N H W C"]:
        """Pictures of this shape; grey ones may lack their last axis."""
        return np.asarray(values, self.dtype).reshape(-1, *self.shape)

    def shown(self, data: UInt8[np.ndarray, "N H W C"]) -> UInt8[np.ndarray, "N H W C"]:
        """As they are."""
        return data

    def random(self, rng: np.random.Generator, rows: int) -> UInt8[np.ndarray, "B H W C"]:
        """White noise."""
        return rng.integers(0, 256, (rows, *self.shape), self.dtype)

    def derived(self, means: Mapping[str, float]) -> dict[str, float]:
        """The peak signal-to-noise ratio in dB; pixels lie in [-1, 1], so the peak is 2."""
        if "mse" not in means:
            return {}
        with np.errstate(divide="ignore"):
            return {"psnr": float(10 * np.log10(np.divide(4, means["mse"])))}

    def describe(self) -> str:
        """Such as "32x32x3 pixels"."""
        return f"{'x'.join(map(str, self.shape))} pixels"


@dataclass(frozen=True)
class Caption:
    """Token ids, int32 [L], PAD after the end; users give and see text.

    Attributes:
        length: tokens L, the end included.
        vocab_size: number of pieces.
        tokenizer: turns text into ids and back; None where no text is read or written.
    """

    length: int
    vocab_size: int
    tokenizer: Tokenizer | None = None
    dtype = np.dtype(np.int32)
    encoded = False

    @property
    def shape(self) -> tuple[int]:
        """(L,)."""
        return (self.length,)

    def blank(self, rows: int) -> Int32[np.ndarray, "B L"]:
        """Padding alone."""
        return np.full((rows, self.length), PAD, self.dtype)

    def present(self, data: Int32[np.ndarray, "B L"]) -> Bool[np.ndarray, " B"]:
        """Rows that do not begin with padding."""
        return data[:, 0] != PAD

    def stored(self, records: Any) -> Int32[np.ndarray, "N L"]:
        """The stored pieces, cut and padded."""
        return pad_ids(records.caption_ids, self.length)

    def parsed(self, values: Sequence[str]) -> Int32[np.ndarray, "N L"]:
        """Ids of N captions."""
        return self.tokenizer.encode(values, self.length)

    def shown(self, data: Int32[np.ndarray, "N L"]) -> list[str]:
        """N captions."""
        return self.tokenizer.decode(data)

    def random(self, rng: np.random.Generator, rows: int) -> Int32[np.ndarray, "B L"]:
        """A third of the room is a usual caption; lengths are skewed, as in books."""
        usual = np.log(max(1, self.length / 3))
        lengths = np.clip(rng.lognormal(usual, 0.5, rows), 1, self.length - 1)
        pieces = [rng.integers(NUM_SPECIAL, self.vocab_size, int(n)) for n in lengths]
        return pad_ids(pieces, self.length)

    def derived(self, means: Mapping[str, float]) -> dict[str, float]:
        """Perplexity of a token."""
        if "loss" not in means:
            return {}
        with np.errstate(over="ignore"):
            return {"perplexity": float(np.exp(means["loss"]))}

    def describe(self) -> str:
        """Such as "8 tokens of 311 pieces"."""
        return f"{self.length} tokens of {self.vocab_size:,} pieces"


def of_run(config: Any, vocabulary: Tokenizer | int) -> dict[str, Modality]:
    """{name: Modality} of a whole configuration.

    `vocabulary` is its tokenizer, or a number of pieces where no text is read or written.
    """
    specs = config.model.modalities.items()
    return {name: KINDS[spec.kind](config, spec, vocabulary) for name, spec in specs}


def blank_batch(modalities: Mapping[str, Modality], rows: int) -> dict[str, Any]:
    """A batch of `rows` blank rows, all of them counted as present and none as padding."""
    data = {name: modality.blank(rows) for name, modality in modalities.items()}
    ones = np.ones(rows, bool)
    return data | {"present": dict.fromkeys(modalities, ones), "mask": ones}


def random_batch(
    modalities: Mapping[str, Modality], rng: np.random.Generator, rows: int
) -> dict[str, Any]:
    """A batch of `rows` rows of noise, none of them padding."""
    data = {name: modality.random(rng, rows) for name, modality in modalities.items()}
    present = {name: modalities[name].present(values) for name, values in data.items()}
    return data | {"present": present, "mask": np.ones(rows, bool)}


def _image(config, spec, vocabulary):
    return Image((config.data.image_size, config.data.image_size, config.data.channels))


def _caption(config, spec, vocabulary):
    if isinstance(vocabulary, int):
        return Caption(config.data.caption_length, vocabulary)
    return Caption(config.data.caption_length, vocabulary.vocab_size, vocabulary)


def _label(config, spec, vocabulary):
    return Label(tuple((name, tuple(classes)) for name, classes in spec.classes.items()))


def _vector(config, spec, vocabulary):
    return Vector(tuple(spec.features))


KINDS = {"image": _image, "caption": _caption, "label": _label, "vector": _vector}
