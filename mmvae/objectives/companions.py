"""What trains beside an objective of the family, whose gradient it never touches.

The learned prior follows the posterior, and the heads that align and retrieve follow the
experts; no gradient leaves either. So every objective has every sampler and every measure.
"""

from collections.abc import Callable

from jax import lax
from jaxtyping import Array, Float

from mmvae.models.mmvae import MMVAE
from mmvae.objectives.alignment import align
from mmvae.objectives.metrics import latent_metrics, reconstruction_metrics
from mmvae.objectives.prior import flow_matching
from mmvae.objectives.rows import Bound, Rows, rows_of
from mmvae.objectives.terms import Batch, Keys, Metrics, Settings, global_mean, measured_rows

_PRIOR, _KL = 3, 4  # streams, those of the default objective


def with_companions(bound: Callable[[Rows], Bound]) -> Callable:
    """An objective of the family as training wants it: (total, metrics) of a batch."""

    def objective(
        model: MMVAE, batch: Batch, keys: Keys, settings: Settings
    ) -> tuple[Float[Array, ""], Metrics]:
        rows = rows_of(model, batch, keys, settings)
        loss, z, decoded = bound(rows)
        posterior = model.fuse(rows.experts, rows.present)
        measured = measured_rows(rows.present, batch["mask"], settings)
        weights = settings.loss.weights

        alone = lax.stop_gradient({name: rows.experts[name] for name in rows.names})
        alignment, _ = align(settings.loss.alignment, model, alone, rows.present)
        flow = flow_matching(model, rows.experts, posterior, rows.present, keys(_PRIOR))
        prior = global_mean(measured * flow, measured)

        total = loss + weights.alignment * alignment + weights.prior * prior
        counted = {name: shown & measured for name, shown in rows.present.items()}
        metrics = reconstruction_metrics(decoded, counted)
        metrics |= latent_metrics(posterior, z, measured)
        terms = {"alignment": alignment, "prior": prior, "bound": loss, "total": total}
        return total, metrics | {f"loss_{name}": (term, 1.0) for name, term in terms.items()}

    return objective
