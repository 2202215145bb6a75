"""One file per tab; each has `build(studio)`, called where its components shall stand."""
