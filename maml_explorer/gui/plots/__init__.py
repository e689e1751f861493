"""Plots, tables and pictures that panels are made of."""
