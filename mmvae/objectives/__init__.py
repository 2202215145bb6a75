"""What training minimises and evaluation counts.

Files, each importing only those before it: `elbo` (losses), `validation` (eval step),
`aggregation` (on the host).
"""
