"""Families of metrics: each file measures arrays and strings, whoever made them."""
