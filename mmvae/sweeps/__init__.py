"""Sweeps: which settings to try, and running them one after another or side by side."""
