"""A run as a directory that works without this code base.

Files, each importing only those before it: `programs` (jax.export), `model_card`, `package` (and
its manifest), `run` (copied out; imports nothing of ours).
"""
