"""Small controls shared by the whole window."""
