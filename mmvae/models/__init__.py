"""Pure Flax modules.

Files, each importing only those before it: `gaussian`, `mixture`, `fusion`, `adapters`, `layers`,
`decoder` (what every decoder offers), `likelihoods` (of pictures), `flow` (paths, integration),
`pictures` (how they are decoded), `image`, `autoregressive` (token by token), `caption`, `label`,
`vector`, `prior` (learned), `aggregate_posterior`, `family` (what only some objectives ask),
`mmvae` (the model, and building it).
"""
