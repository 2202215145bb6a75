"""A run as a directory that works without this code base."""
