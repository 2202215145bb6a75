"""What a trained model does for its users.

Files, each importing only those before it: `fixed_batches` (rows in one shape), `latents`
(posteriors, samplers), `decoding` (captions), `pairs` (and their files), `session` (the public
verbs).
"""
