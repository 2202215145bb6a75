"""What a run should reach: by epoch, and against baselines on the same split.

Plain figures stand beside the baselines, and prove nothing alone. Files, each importing only those
before it: `criterion`, `pace`, `success`.
"""

from mmvae.reporting.criteria.pace import PACE
from mmvae.reporting.criteria.success import EVALUATED, TRAINED

# In the order of training; what `mmvae.evaluate` measures comes last.
CRITERIA = (*sorted((*PACE, *TRAINED), key=lambda c: (c.last, c.after)), *EVALUATED)
