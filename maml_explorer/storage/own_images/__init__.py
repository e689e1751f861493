"""The user's own images: what a folder holds, and the file of them beside code and sweeps."""
