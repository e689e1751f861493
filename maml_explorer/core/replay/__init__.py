"""Kernels recorded once and replayed without Python between them."""
