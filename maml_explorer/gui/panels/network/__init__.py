"""The network: features, layers, step sizes, norm."""
