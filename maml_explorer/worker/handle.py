"""The window's end of the worker thread: start, post, collect, close."""
