"""What a trained model does for its users.

Files, each importing only those before it: `fixed_batches` (rows in one shape), `latents`
(posteriors, priors), `decoding` (latents to data), `samplers` (of latents, by name), `pairs`
(pictures with captions: their files, the verbs for them), `session` (the public verbs),
`requests` (of a command line).
"""
