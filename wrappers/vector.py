"""The vector twins of the wrappers, under the same names."""

from meta_envs.wrappers.history import VectorPreviousActionReward as PreviousActionReward

__all__ = ["PreviousActionReward"]
