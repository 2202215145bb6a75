"""Pure Flax modules.

Files, each importing only those before it: `gaussian`, `mixture`, `fusion`, `patterns` (parameters
by name), `adapters`, `layers`, `decoder` (what every decoder offers), `likelihoods` (of pictures),
`flow` (paths, integration), `image`, `autoregressive` (token by token), `caption`, `label`,
`prior` (learned), `aggregate_posterior`, `mmvae` (the model, and building it).
"""
