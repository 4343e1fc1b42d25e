"""Living in tasks: laws as tables, chance, one lifetime and many, what the oracle knows, and beliefs."""

from meta_envs.lifetimes.many import Lifetimes, make_lifetimes

__all__ = ["Lifetimes", "make_lifetimes"]
