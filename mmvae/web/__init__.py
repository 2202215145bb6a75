"""A run in the browser.

Files, each importing only those before it: `limits`, `history`, `directions`, `nearest`, `cards`,
`fields`, `studio` (does what tabs and endpoints ask for), `api`, `tabs` (a file each), `app`.
"""
