"""Pictures as bytes, as floats in [-1, 1], as patches."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8


def to_float(pixels: UInt8[Array, "*B"]) -> Float[Array, "*B"]:
    """uint8 pixels [...] as float32 in [-1, 1]."""
    return pixels.astype(jnp.float32) / 127.5 - 1.0


def to_pixels(image: Float[Array, "*B"]) -> UInt8[Array, "*B"]:
    """Floats in [-1, 1] (clipped) as uint8 pixels."""
    return jnp.clip(jnp.round((image + 1.0) * 127.5), 0, 255).astype(jnp.uint8)


def patchify(image: Float[Array, "B H W C"], patch: int) -> Float[Array, "B T P"]:
    """Patches of a side of `patch` pixels, row by row: T of P = patch patch C numbers."""
    batch, height, width, channels = image.shape
    grid = image.reshape(batch, height // patch, patch, width // patch, patch, channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(batch, -1, patch * patch * channels)


def unpatchify(
    patches: Float[Array, "B T P"], shape: tuple[int, int, int], patch: int
) -> Float[Array, "B H W C"]:
    """Inverse of `patchify`; `shape` is (H, W, C)."""
    height, width, channels = shape
    grid = patches.reshape(-1, height // patch, width // patch, patch, patch, channels)
    return grid.transpose(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)
