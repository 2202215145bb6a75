"""What `mmvae.benchmark` runs: `speed`."""
