"""Results of the views of the insight: frozen records of scalars, strings and read-only arrays.

One file per view, torch-free, since the window reads them.
"""
