"""Training a run.

Files, each importing only those before it: `optimizer`, `checks` (a configuration against itself,
its data set and its machine), `state`, `steps`, `program` (all three), `plan` (a program and its
data), `resizing`, `warm_start`, `preemption`, `overview`, `beginning`, `facts`, `fit_samplers`,
`journal` (rows, tables, divergence), `ahead` (compiled in the background), `loop`.
"""
