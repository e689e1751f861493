"""Runs beside this one, and the ablation."""
