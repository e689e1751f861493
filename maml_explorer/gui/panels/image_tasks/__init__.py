"""Other tasks of images as strips, each with the accuracy of every arm."""
