"""Weights that another program wrote, read without running anything in the file."""
