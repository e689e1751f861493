"""Families of curves beside sines: a file each, and a table of them. Torch-free.

Every family is a formula over x and the parameters of a task, with the ranges that these are drawn
from. One grammar turns the formula into the operations of torch, NumPy and generated code.
"""
