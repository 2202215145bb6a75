"""What `mmvae.benchmark` runs.

Files, each importing only those before it: `speed`, `profile`, `measure`,
`table`.
"""
