"""A run in the browser.

Files, each importing only those before it: `limits`, `directions`, `nearest`, `studio` (does what
tabs and endpoints ask for), `cards`, `fields`, `history`, `api`, `tabs` (a file each), `app`.
"""
