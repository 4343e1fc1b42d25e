"""Trained agents: those that are shipped, their cards, the learner that plays one, and policies from outside."""

from typing import TYPE_CHECKING

from meta_envs.agents.cards import AgentCard, find, ids, read_card, variants
from meta_envs.agents.outside import OutsidePolicy
from meta_envs.lazy import lazily

if TYPE_CHECKING:
    from meta_envs.agents.agent import Agent as Agent
    from meta_envs.agents.agent import load_agent as load_agent

# Agent and load_agent are left out: `import *` works without PyTorch.
__all__ = ["AgentCard", "OutsidePolicy", "find", "ids", "read_card", "variants"]

if not TYPE_CHECKING:  # else every name would be of type Any
    __getattr__, __dir__ = lazily(
        __name__, dict.fromkeys(("Agent", "load_agent"), "meta_envs.agents.agent"), "Playing a trained agent", "agents"
    )
