"""Lessons: what they say, and the player that runs them."""
