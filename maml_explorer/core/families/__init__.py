"""Task families: a file or folder each, with sampling and exact answers, and a table of them."""
