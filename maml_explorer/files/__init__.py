"""The only two ways to read and write a file, and where the shipped files are."""
