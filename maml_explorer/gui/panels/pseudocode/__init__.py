"""The algorithm in the lecture's pseudocode."""
