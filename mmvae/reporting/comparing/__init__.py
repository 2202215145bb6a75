"""Several runs beside each other: what differs between them, and what it did.

Files, each importing only those before it: `comparison`, `importance`, `parallel_coordinates`,
`page`, `scores` (a table of evaluations).
"""
