"""The model's functions as StableHLO programs: any batch size, on CPU, CUDA and TPU.

Parameters are an argument, a flat dict {"encoders_image/embed/kernel": array}, so that the
programs stay small and the weights lie in one file that other tools read too.
"""

import functools

import jax
import jax.numpy as jnp
from flax import traverse_util
from jax import export
from jaxtyping import Array, PyTree, Shaped

from mmvae.data.text import PAD
from mmvae.inference import decoding
from mmvae.inference.latents import FLOW_STEPS, GUIDANCE, apply, drawn, noise
from mmvae.inference.session import Session
from mmvae.models.mmvae import MMVAE

PLATFORMS = ("cpu", "cuda", "tpu")


def flat(params: PyTree) -> dict[str, Shaped[Array, "..."]]:
    """{"a/b/c": array} of a tree of parameters."""
    return traverse_util.flatten_dict(params, sep="/")


def programs(session: Session) -> dict[str, export.Exported]:
    """The programs of a session's functions, with a symbolic batch size b.

    encode_image(params, images uint8 [b, H, W, C]) and encode_caption(params, ids int32 [b, L])
    give {"mean", "deviation" float32 [b, D], "vector" float32 [b, E]};
    decode(params, latents float32 [b, D]) gives {"images" uint8 [b, H, W, C], "ids" int32
    [b, L], "scores" float32 [b], nats per token};
    generate(params, seeds uint32 [b], temperature float32, ids int32 [b, L], given bool [b])
    gives the same and {"latents" float32 [b, D]}: for the caption `ids` where `given`.
    """
    (rows,) = export.symbolic_shape("b")
    length = session.shapes["caption"][0]
    images = jax.ShapeDtypeStruct((rows, *session.shapes["image"]), jnp.uint8)
    ids = jax.ShapeDtypeStruct((rows, length), jnp.int32)
    latents = jax.ShapeDtypeStruct((rows, session.latent_dim), jnp.float32)
    seeds = jax.ShapeDtypeStruct((rows,), jnp.uint32)
    given = jax.ShapeDtypeStruct((rows,), jnp.bool_)
    temperature = jax.ShapeDtypeStruct((), jnp.float32)
    arguments = {
        "encode_image": (functools.partial(_encode, "image"), images),
        "encode_caption": (functools.partial(_encode, "caption"), ids),
        "decode": (functools.partial(_decode, length), latents),
        "generate": (_generate, seeds, temperature, ids, given),
    }
    return {name: _exported(session, *given) for name, given in arguments.items()}


def _exported(session, function, *shapes):
    model = session.model

    def program(params, *args):
        return function(model, traverse_util.unflatten_dict(params, sep="/"), *args)

    params = {
        name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
        for name, leaf in flat(session.params).items()
    }
    return export.export(jax.jit(program), platforms=PLATFORMS)(params, *shapes)


def _encode(name, model, params, data):
    experts = apply(model, params, MMVAE.encode, {name: data})
    present = {name: jnp.ones(data.shape[0], bool)}
    posterior = apply(model, params, MMVAE.fuse, experts, present)
    vectors = apply(model, params, MMVAE.project, experts)
    return {
        "mean": posterior.mean,
        "deviation": jnp.exp(0.5 * posterior.logvar),
        "vector": vectors[name],
    }


def _decode(length, model, params, latents):
    ids, scores = decoding.greedy(model, length, params, latents)
    return {"images": drawn(model, params, latents), "ids": ids, "scores": scores}


def _generate(model, params, seeds, temperature, ids, given):
    start = temperature * noise(seeds, model.latent_dim)
    # The learned prior reads the picture too; it is absent here, and its mean counts for nothing.
    experts = apply(model, params, MMVAE.encode, {"caption": jnp.where(given[:, None], ids, PAD)})
    experts = {"image": experts["caption"], **experts}
    known = {"image": jnp.zeros_like(given), "caption": given}
    drawing = experts, known, FLOW_STEPS, GUIDANCE
    latents = apply(model, params, MMVAE.draw_prior, start, *drawing)
    return {"latents": latents, **_decode(ids.shape[1], model, params, latents)}
