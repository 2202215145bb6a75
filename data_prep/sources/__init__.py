"""Where pairs come from, a file a source.

Files, each importing only those before it: `pair` (what a source yields), `tables`, `folder`,
`coco`, `catalogue`, `gutenberg`, `sprites`, `specs` ("kind:place", the registry).
"""
