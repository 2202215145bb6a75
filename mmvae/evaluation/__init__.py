"""Numbers beside their baselines, with intervals.

Files, each importing only those before it: `split`, `answers`, `estimates`, `outcome`, `floors`,
`language_model`, `neighbours`, `features`, `sprite_reader`, `families` (a file each), `baselines`,
`samples`, `suite`.
"""
