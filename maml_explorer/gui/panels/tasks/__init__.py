"""Small plots of many tasks at once."""
