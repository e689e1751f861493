"""The user's own images: few-shot classification of what a folder holds."""
