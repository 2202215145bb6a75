"""How pictures are decoded.

Files, each importing only those before it: `pixels` (bytes, floats, patches), `mean` (the mean
picture of a latent), `flow` (pictures sampled around it).
"""
