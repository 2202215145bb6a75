"""Logs of runs in words, tables and curves; loads no JAX.

Files, each importing only those before it: `runs`, `baselines`, `tables`, `samples`, `reproduce`,
`curves`, `verdict`, `halves`, `against` (baselines), `questions` (a file each), `criteria`,
`checklist`, `panels`, `terminal`, `document` (HTML or Markdown), `page` (of one run), `ending` (of
a training), `comparing` (several runs).
"""
