"""Tasks of the user's own program: objects that sample them."""
