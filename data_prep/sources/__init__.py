"""Where pairs come from, a file a source.

Files, each importing only those before it: `tables`, `catalogue`, `gutenberg`, `sprites`,
`specs` ("kind:place").
"""
