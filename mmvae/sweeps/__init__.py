"""Settings to try, and running them; loads no JAX.

Files, each importing only those before it: `space`, `trials`, `tpe`, `tied` (a run that
ends with the sweep), `runner`, `sweep_file`, `plan`, `sweep` (all of it).
"""
