"""One file per tab; each has `build(studio)`, called where its components shall stand.

Files: `generate`, `caption`, `draw`, `interpolate`, `explore`, `copying`, `about`.
"""
