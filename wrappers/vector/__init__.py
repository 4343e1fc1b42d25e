"""The vector twins of the wrappers, under the same names."""

from meta_envs.wrappers.vector.expected_reward import ExpectedReward
from meta_envs.wrappers.vector.history import PreviousActionReward
from meta_envs.wrappers.vector.multi_episode import MultiEpisode
from meta_envs.wrappers.vector.privileged import Privileged

__all__ = ["ExpectedReward", "MultiEpisode", "PreviousActionReward", "Privileged"]
