"""Illustrated books in HTML: their files, and which text is the caption of which picture.

Files, each importing only those before it: `shelf` (the files), `paths` (whose they are),
`elements` (what an element is), `tokens` (what stands on a page), `assignment` (who gets which
block), `grid` (tables), `joining` (tokens into one), `layout` (from the innermost figure
outwards), `page`, `prose` (its running text).
"""
