"""A prepared data set: its `card`, and its `folder`, whole or not at all."""
