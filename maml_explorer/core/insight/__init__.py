"""Seeing inside meta-learning: what an initialization and its inner loop are like.

One question per file. Every function takes a :class:`~.learner.Learner` (an initialization and how
it adapts) and tasks, and returns a frozen record, or a :class:`~.nothing.Nothing` that says in
words why there is nothing to show. Long work is a generator that yields the pieces done so far.
"""
