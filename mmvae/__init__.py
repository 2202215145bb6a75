"""mmvae: one continuous latent for an image and its caption."""

__version__ = "0.1.0"
