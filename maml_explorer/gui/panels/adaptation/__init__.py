"""The main plot: how each arm adapts to the task on screen."""
