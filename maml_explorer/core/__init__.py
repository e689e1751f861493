"""The mathematics: values in, values out.

Imports torch and numpy only: no Qt, threads, clocks, files or printing.
"""
