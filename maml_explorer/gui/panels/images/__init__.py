"""The hero for images: support set by class, query images with probabilities, drawing by hand."""
