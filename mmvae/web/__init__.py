"""A run in the browser.

Files, each importing only those before it: `entrance` (who comes in), `limits`, `directions`,
`nearest`, `studio` (does what tabs and endpoints ask for), `opening` (a run as that), `cards`,
`fields`, `history`, `api`, `tabs` (a file each), `app`.
"""
