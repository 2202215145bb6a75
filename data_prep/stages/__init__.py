"""Pure functions of rows.

Files, each importing only those before it: `images`, `spelling`, `captions`, `prose`,
`duplicates`, `splitting`, `hashing` (splits that are stable), `works` (books that are one),
`vocabulary`, `remedies`.
"""
