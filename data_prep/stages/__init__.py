"""Pure functions of rows.

Files, each importing only those before it: `images`, `spelling`, `captions`, `duplicates`,
`splitting`, `vocabulary`, `remedies`.
"""
