"""The version of the program, a literal: packaging reads it from the source."""

__version__ = "0.1.0"
