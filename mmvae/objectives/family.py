"""The family of objectives, by `config.objective.name`.

A row holds a function (bound model, batch, keys, settings) -> (total, metrics): `total` is this
device's share of what is differentiated, `keys(stream)` gives a key for each row, and metrics are
{name: (sum, count)}. With it stands what it asks of the model.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

from mmvae.data.modalities import Modality
from mmvae.models import mmvae
from mmvae.models.mmvae import MMVAE, Parts
from mmvae.objectives import joint, mixture, product
from mmvae.objectives.companions import with_companions
from mmvae.objectives.elbo import elbo
from mmvae.objectives.rows import Bound, Rows


class Objective(NamedTuple):
    """A row of the family.

    Attributes:
        train: (bound model, batch, keys, settings) -> (total, metrics).
        bound: what its paper defines, of `Rows`; None for the default, which is of no paper.
        fusion: of the posterior; "": the configuration's.
        private: whether each modality has a code of its own.
        clusters: whether the prior is a learned mixture.
        scaled_codes: whether the codes' priors learn their variances.
    """

    train: Callable
    bound: Callable[[Rows], Bound] | None = None
    fusion: str = ""
    private: bool = False
    clusters: bool = False
    scaled_codes: bool = False


def build(config: ConfigDict, modalities: Mapping[str, Modality]) -> MMVAE:
    """The model of a whole configuration, with what its objective asks for."""
    needs, settings = OBJECTIVES[config.objective.name], config.objective
    parts = Parts(
        fusion=needs.fusion,
        private=settings.private if needs.private else 0,
        clusters=settings.clusters if needs.clusters else 0,
        scaled_codes=needs.scaled_codes,
        laplace=settings.posterior == "laplace",
    )
    return mmvae.build(config.model, modalities, parts)


def nats_of(config: ConfigDict) -> float:
    """Nats that a total of 1 stands for: with the KL's final weight, a KL of 1 nat is one."""
    return 1 / config.loss.weights.kl if config.loss.weights.kl else 1.0


def _of_paper(bound, fusion, **needs):
    return Objective(with_companions(bound), bound, fusion, **needs)


OBJECTIVES: dict[str, Objective] = {
    "elbo": Objective(elbo),
    "mvae": _of_paper(product.mvae, "product"),
    "mvtcae": _of_paper(product.mvtcae, "product_without_prior"),
    "crmvae": _of_paper(product.crmvae, "product_without_prior"),
    "weighted_product": _of_paper(product.weighted_product, "weighted_product"),
    "dmvae": _of_paper(product.dmvae, "product", private=True),
    "mmvae": _of_paper(mixture.mmvae, "mixture"),
    "mmvaeplus": _of_paper(mixture.mmvae, "mixture", private=True, scaled_codes=True),
    "cmvae": _of_paper(mixture.mmvae, "mixture", private=True, scaled_codes=True, clusters=True),
    "mopoe": _of_paper(mixture.mopoe, "mixture_of_products"),
    "mopoe_private": _of_paper(mixture.mopoe, "mixture_of_products", private=True),
    "mmjsd": _of_paper(mixture.mmjsd, "mixture"),
    "mmvm": _of_paper(mixture.mmvm, "mixture"),
    "jmvae": _of_paper(joint.jmvae, "joint_encoder"),
    "telbo": _of_paper(joint.telbo, "joint_encoder"),
    "cvae": _of_paper(joint.cvae, "joint_encoder"),
}
