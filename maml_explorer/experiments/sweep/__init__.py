"""Sweeps: many runs over axes of settings and seeds, kept as ordinary run folders."""
