"""Parts shared by the tabs Gradient, Network and Map."""
