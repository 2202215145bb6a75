"""Pure functions of rows: `images`, `captions`, `duplicates`, `splitting`, `vocabulary`."""
