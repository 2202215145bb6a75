"""Pure Flax modules.

Files, each importing only those before it: `gaussian`, `fusion`, `patterns` (parameters by name),
`adapters`, `layers`, `image`, `caption`, `prior` (learned), `aggregate_posterior`, `mmvae` (the
model, and building it).
"""
