"""What a model says to a split, computed once however many families measure it."""

from functools import cached_property, lru_cache, partial

import jax
import jax.numpy as jnp

from mmvae.inference.fixed_batches import in_batches

# What the model is shown, by the end of a metric's name: everything, or one side alone.
GIVEN = {"": ("image", "caption"), "_from_image": ("image",), "_from_caption": ("caption",)}


class Answers:
    """Answers of a `Session` to a `Split`; `seed` and `num` are of generated pairs.

    Pictures and captions are decoded from posterior means, captions greedily.
    """

    def __init__(self, session, test, seed, num):
        self.session, self.test, self.seed, self.num = session, test, seed, num
        self.latents = lru_cache(maxsize=None)(self._latents)
        self.images = lru_cache(maxsize=None)(self._images)
        self.captions = lru_cache(maxsize=None)(self._captions)

    @cached_property
    def new(self):
        """`num` generated Pairs, by the sampler that `generate` takes unless told otherwise."""
        return self.session.generate(self.num, self.seed)

    def teacher_forced(self, given):
        """(log-probability in nats, likeliest tokens met, tokens) of each true caption [N]."""
        run = partial(_teacher_forced, self.session.model, self.session.params)
        return in_batches(run, self.latents(given), self.test.ids)

    def _latents(self, given):
        """Posterior means [N, D]; `given` is a key of GIVEN."""
        pairs = {"image": self.test.images, "caption": self.test.captions}
        return self.session.encode(**{name: pairs[name] for name in GIVEN[given]})[0]

    def _images(self, given):
        return self.session.decode_images(self.latents(given))

    def _captions(self, given):
        return self.session.decode_captions(self.latents(given))[0]


@partial(jax.jit, static_argnums=0)
def _teacher_forced(model, params, latents, ids):
    decoded = model.bind({"params": params}).reconstruct(latents, {"caption": ids})["caption"]
    loss, tokens, metrics = decoded
    hits, _ = metrics["accuracy"]
    return -loss, hits, tokens.astype(jnp.float32)
