"""Where pairs come from, a file a source.

Files, each importing only those before it: `pair` (what a source yields), `inventory` (the files
under a folder), `text`, `tables` (and their rows), `sidecars`, `titles` (of books), `folder`,
`imagefolder`, `coco`, `karpathy`, `parquet`, `webdataset`, `catalogue`, `book` (files and pages of
books), `gutenberg`, `prose` (texts alone), `sprites`, `published` (sets of papers), `specs`
("kind:place", the registry).
"""
