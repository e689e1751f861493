"""Losses of all arms over training."""
