"""Tables of captions.

Files, each importing only those before it: `separated` (text in columns), `table` (CSV, JSON
lines, Parquet), `rows` (as pairs).
"""
