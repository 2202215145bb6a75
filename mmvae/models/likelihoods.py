"""Likelihoods of pictures: the loss that trains, and the density that it is the log of.

A loss is a mean over pixels; training weighs it, which leaves the scale of the noise open. The
density has a scale: the likeliest one is the mean loss (the optimal variance of Rybkin et al.
2021, "sigma-VAE", section 3).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

FAINT = 1e-3  # squared error that `student` hardly tells from none
_BYTE = 2 / 255  # width of a pixel value on [-1, 1]
_LOGISTIC = 0.05  # scale of `logistic`: six values of a pixel
# Half the log-determinants, a pixel, of the multiscale error and the Student t's as quadratic
# forms. Each 4x4 block has the eigenvalues 5 for its mean and 15 times 1; and 9 for its mean,
# 3 times 5 for the other means of its 2x2 blocks, 12 times 1.
_MULTISCALE = 0.5 * math.log(5) / 16
_STUDENT = 0.5 * (math.log(9) + 3 * math.log(5)) / 16


class Likelihood(NamedTuple):
    """A likelihood of pictures.

    Attributes:
        loss: of differences [B, H, W, C] on the [-1, 1] scale, mean over pixels [B].
        nats: (losses of any shape, scale, number of pixels) -> negative log-density a pixel.
        block: pixels a side that a picture is a multiple of.
        of_values: the loss of (outputs, pixels on [-1, 1]), where differences do not tell it.
        shown: outputs -> the picture on [-1, 1] that they stand for.
    """

    loss: Callable | None
    nats: Callable
    block: int = 1
    of_values: Callable | None = None
    shown: Callable = lambda outputs: outputs


def loss(
    likelihood: str, outputs: Float[Array, "B H W C"], target: Float[Array, "B H W C"]
) -> Float[Array, " B"]:
    """Loss of a decoder's outputs for pixels on [-1, 1], mean over pixels."""
    row = LIKELIHOODS[likelihood]
    return row.of_values(outputs, target) if row.of_values else row.loss(outputs - target)


def log_prob(
    loss: Float[Array, "*N"], likelihood: str, shape: tuple[int, ...], scale: float
) -> Float[Array, "*N"]:
    """Log-probability in nats of 8-bit pictures of shape (H, W, C) that lose `loss`.

    `scale` is the mean loss, which is the likeliest variance (or Laplace scale); a Student t
    has none. Works on NumPy and JAX arrays.
    """
    pixels = math.prod(shape)
    return pixels * (math.log(_BYTE) - LIKELIHOODS[likelihood].nats(loss, scale, pixels))


def pooled(image: Float[Array, "B H W C"], factor: int) -> Float[Array, "B h w C"]:
    """Means of factor x factor blocks; `factor` divides H and W."""
    batch, height, width, channels = image.shape
    blocks = image.reshape(batch, height // factor, factor, width // factor, factor, channels)
    return jnp.mean(blocks, axis=(2, 4))


def gaussian(difference: Float[Array, "B H W C"]) -> Float[Array, " B"]:
    """Squared error: a Gaussian with independent noise."""
    return jnp.mean(jnp.square(difference), axis=(1, 2, 3))


def laplace(difference: Float[Array, "B H W C"]) -> Float[Array, " B"]:
    """Absolute error."""
    return jnp.mean(jnp.abs(difference), axis=(1, 2, 3))


def multiscale(difference: Float[Array, "B H W C"]) -> Float[Array, " B"]:
    """A Gaussian whose noise is mostly fine texture: errors of 4x4 means weigh more.

    An engraver's lines are noise to a young model and drown the gradient of the outlines;
    coarse means are free of them.
    """
    return gaussian(difference) + 4.0 * gaussian(pooled(difference, 4))


def student(difference: Float[Array, "B H W C"]) -> Float[Array, " B"]:
    """A Student t over the whole picture, of one degree of freedom: its noise level is unknown.

    Squared error hears little of a small figure, which is few pixels. Here a picture whose
    error halves gains the same whatever it was. As in `multiscale` coarse means weigh more, of
    2x2 blocks too: they hold small outlines. Sources: Rybkin et al. 2021 (the variance that
    suits each picture); Takahashi et al. 2018 (Student t decoders).
    """
    error = multiscale(difference) + 4.0 * gaussian(pooled(difference, 2))
    return 0.5 * jnp.log1p(error / FAINT)


def bernoulli(
    outputs: Float[Array, "B H W C"], target: Float[Array, "B H W C"]
) -> Float[Array, " B"]:
    """Cross-entropy of logits with how white pixels are: for black and white pictures."""
    each = optax.sigmoid_binary_cross_entropy(outputs, 0.5 * (target + 1))
    return jnp.mean(each, axis=(1, 2, 3))


def logistic(
    outputs: Float[Array, "B H W C"], target: Float[Array, "B H W C"]
) -> Float[Array, " B"]:
    """Discretised logistic noise of a fixed scale: black and white pixels hold whole tails.

    Source: Kingma et al. 2016 (IAF), section 6; Salimans et al. 2017 (PixelCNN++), section 2.1.
    """
    upper, lower = ((target - outputs + side * _BYTE / 2) / _LOGISTIC for side in (1, -1))
    below, above = jax.nn.log_sigmoid(upper), jax.nn.log_sigmoid(-lower)
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a))
    inside = below + above + math.log(-math.expm1(-_BYTE / _LOGISTIC))
    edge = 1 - _BYTE / 4
    each = jnp.where(target < -edge, below, jnp.where(target > edge, above, inside))
    return -jnp.mean(each, axis=(1, 2, 3))


def _discrete_nats(loss, scale, pixels):
    """Of a loss that is the negative log-probability of a pixel's value: no width is counted."""
    return loss + math.log(_BYTE)


def _gaussian_nats(loss, scale, pixels):
    """Of a Gaussian of variance `scale` that is `loss` off in mean square."""
    return 0.5 * (loss / scale + math.log(2 * math.pi * scale))


def _laplace_nats(loss, scale, pixels):
    """Of a Laplace density of scale `scale` that is `loss` off in the mean."""
    return loss / scale + math.log(2 * scale)


def _multiscale_nats(loss, scale, pixels):
    """As `_gaussian_nats`, but means of 4x4 blocks are 5 times as precise as the rest."""
    return _gaussian_nats(loss, scale, pixels) - _MULTISCALE


def _student_nats(loss, scale, pixels):
    """Of the Student t of one degree of freedom that `loss` is half the log of."""
    width = 0.5 * math.log(math.pi * pixels * FAINT) - _STUDENT
    constant = math.lgamma((1 + pixels) / 2) - math.lgamma(0.5)
    return ((1 + pixels) * loss - constant) / pixels + width


LIKELIHOODS = {
    "gaussian": Likelihood(gaussian, _gaussian_nats),
    "laplace": Likelihood(laplace, _laplace_nats),
    "multiscale": Likelihood(multiscale, _multiscale_nats, 4),
    "student": Likelihood(student, _student_nats, 4),
    "bernoulli": Likelihood(
        None, _discrete_nats, of_values=bernoulli, shown=lambda logits: jnp.tanh(logits / 2)
    ),
    "logistic": Likelihood(None, _discrete_nats, of_values=logistic),
}
