"""Compiled kernels: one call of a C library for one arm's outer step, where there is one.

Optional: built where a C compiler is (`setup.py`), opened without Python's ABI, and compared with
the eager gradient before it is used. Without it outer gradients are recorded and replayed.
"""
