"""Training a run.

Files, each importing only those before it: `optimizer`, `state`, `steps`, `program` (all three),
`plan` (a program and its data), `resizing`, `warm_start`, `preemption`, `overview`, `facts`,
`fit_samplers`, `loop`.
"""
