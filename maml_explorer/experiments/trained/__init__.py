"""Trained runs for scripts and notebooks: in memory, on disk, as tables and pictures."""
