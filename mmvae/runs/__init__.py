"""A run on disk.

Files, each importing only those before it: `directory` (names of its files), `continuation` (what
may go on in it), `best` (which checkpoint it is), `writers` (console, JSONL, CSV, W&B), `integrity`
(checksums), `patterns` (parameters by name), `host_tree`, `orbax` (its quirks), `checkpoints`,
`samplers`.
"""
