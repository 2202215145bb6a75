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
from mmvae.inference.latents import FLOW_STEPS, GUIDANCE, keys_of
from mmvae.inference.session import Session
from mmvae.models.gaussian import normal

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
    length = session.modalities["caption"].length
    images = jax.ShapeDtypeStruct((rows, *session.modalities["image"].shape), jnp.uint8)
    ids = jax.ShapeDtypeStruct((rows, length), jnp.int32)
    latents = jax.ShapeDtypeStruct((rows, session.latent_dim), jnp.float32)
    seeds = jax.ShapeDtypeStruct((rows,), jnp.uint32)
    given = jax.ShapeDtypeStruct((rows,), jnp.bool_)
    temperature = jax.ShapeDtypeStruct((), jnp.float32)
    arguments = {
        "encode_image": (functools.partial(_encode, "image"), images),
        "encode_caption": (functools.partial(_encode, "caption"), ids),
        "decode": (_decode, latents),
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
    bound = model.bind({"params": params})
    experts = bound.encode({name: data})
    posterior = bound.fuse(experts, {name: jnp.ones(data.shape[0], bool)})
    return {
        "mean": posterior.mean,
        "deviation": posterior.deviation,
        "vector": bound.project(experts)[name],
    }


def _decode(model, params, latents):
    ids, scores = decoding.greedy(model, "caption", params, latents)
    images = decoding.likeliest(model, "image", params, latents)
    return {"images": images, "ids": ids, "scores": scores}


def _generate(model, params, seeds, temperature, ids, given):
    bound = model.bind({"params": params})
    start = temperature * normal(keys_of(seeds), (model.latent_dim,))
    # The learned prior reads every modality; the absent ones' means count for nothing.
    read = bound.encode({"caption": jnp.where(given[:, None], ids, PAD)})["caption"]
    experts = dict.fromkeys(model.names, read)
    known = {name: given if name == "caption" else jnp.zeros_like(given) for name in experts}
    latents = bound.sample_prior(start, experts, known, FLOW_STEPS, GUIDANCE)
    images = decoding.sample(model, "image", params, latents, seeds)
    return {"latents": latents, **_decode(model, params, latents), "images": images}
