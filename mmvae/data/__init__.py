"""Pairs, outside the model.

Files, each importing only those before it: `directory` (names of files), `text` (SentencePiece),
`pictures` (files to pixels), `sprites` (grammar), `contact_sheet`, `labels` (attributes),
`vectors` (named numbers), `modalities` (each kind outside the model), `pools` (rows by what they
have), `records` (the schema on disk), `batches` (a stream whose position is its batch number;
evaluation batches).
"""
