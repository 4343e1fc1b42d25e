"""Refusals that a caller may take for an answer.

Every other error is a mistake, of a family, a learner or the package.
"""


class Unsolvable(ValueError):
    """No solver knows the optimum of a family; the message says why, and what to do instead."""


class CannotServe(ValueError):
    """A learner cannot serve a family; the message says why."""
