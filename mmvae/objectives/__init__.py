"""What training minimises and evaluation counts.

Files, each importing only those before it: `terms` (what losses share), `subsets`, `alignment`,
`prior` (flow matching), `metrics` (of latents and reconstructions), `elbo` (ours), `family` (the
dict), `validation` (eval step), `aggregation` (on the host).
"""
