"""Measurements: `python -m benchmarks` runs them all, `python -m benchmarks.meta_step` one.

Every number is a ratio of times taken in one run on one machine, in alternating rounds, so that
whatever else the machine does meanwhile hits both sides alike. Tables are Markdown.
"""
