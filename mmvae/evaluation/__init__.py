"""Numbers beside their baselines, with intervals.

Files, each importing only those before it: `estimates` (with intervals), `formats`, `split`,
`answers`, `language_model`, `neighbours`, `features`, `sprite_reader`, `samples`, `correlation`,
`baselines`, `job`, `families` (a file each), `suite` (all of them), `outcome` (JSON and tables),
`measure` (a run).
"""
