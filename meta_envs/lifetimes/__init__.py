"""Lifetimes, one and many: laws as tables, chance, the oracle's values, and beliefs."""

from meta_envs.lifetimes.many import Lifetimes, make_lifetimes

__all__ = ["Lifetimes", "make_lifetimes"]
