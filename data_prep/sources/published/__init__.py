"""Data sets of papers, as their own distributions lay them out.

Files, each importing only those before it: `idx` (arrays of IDX files), `digits` (digits as
pairs), `mnist`, `polymnist`, `svhn`, `lists` (text files of "key value" lines), `cub`, `celeba`.
"""
