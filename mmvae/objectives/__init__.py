"""What training minimises and evaluation counts.

Files, each importing only those before it: `terms` (what losses share), `subsets`, `alignment`,
`prior` (flow matching), `metrics` (of latents and reconstructions), `elbo` (ours), `rows` (what
papers' objectives see), `product`, `mixture`, `joint` (papers by their posterior), `companions`
(what trains beside), `family` (the dict), `requirements` (configs that an objective cannot use),
`validation` (eval step), `aggregation` (on the host).
"""
