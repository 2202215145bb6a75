"""Pairs, outside the model.

Files, each importing only those before it: `text` (SentencePiece), `pictures` (files to pixels),
`sprites` (grammar), `contact_sheet`, `records` (the schema on disk), `batches` (a stream
whose position is its batch number; evaluation batches).
"""
