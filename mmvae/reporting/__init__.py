"""Logs of runs in words, tables and curves; loads no JAX.

Files, each importing only those before it: `runs`, `baselines`, `tables`, `settings`, `samples`,
`reproduce`, `curves`, `importance`, `parallel_coordinates`, `verdict`, `questions` (a file each),
`panels`, `terminal`, `timeline`, `page`, `comparison`.
"""
