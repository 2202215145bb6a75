"""What only some objectives ask of a model.

Files, each importing only those before it: `layout` (shared and private parts of the latent),
`laplace` (posteriors), `joint` (an encoder of all modalities at once), `learned` (parameters of
posteriors and priors).
"""
