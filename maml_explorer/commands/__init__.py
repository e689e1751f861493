"""The commands of the command line, one file each. Torch is loaded by the ones that compute."""
