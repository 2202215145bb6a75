"""What the logs of runs say, in words, tables and pictures; imports neither JAX nor TensorFlow."""
