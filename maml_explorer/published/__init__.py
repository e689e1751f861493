"""Published numbers, and whether a run agrees with them."""
