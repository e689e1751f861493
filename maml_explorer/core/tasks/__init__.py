"""Task families: a file each, with sampling and exact answers."""
