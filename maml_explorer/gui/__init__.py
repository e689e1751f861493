"""The window: draws what the worker hands it. Imports no torch and no mathematics."""
