"""Refusals that a caller may take for an answer.

Every other error is a mistake, of a family, a learner or the package.
"""


class Unsolvable(ValueError):
    """No solver knows the optimum of a family; the message says why, and what to do instead."""


class CannotServe(ValueError):
    """A learner cannot serve a family; the message says why."""


class TooLarge(ValueError):
    """Something takes more memory or time than is allowed; the message says how much, and how to allow more."""
