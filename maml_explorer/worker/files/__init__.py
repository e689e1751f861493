"""Files read and written by the worker."""
