"""Snapshots: the weights of a run during its training, each as a whole agent."""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch as th

from meta_envs.agents.agent import Agent
from meta_envs.arguments import is_whole, require
from meta_envs.registry import make_family
from meta_envs.training.checkpoint import writing
from meta_envs.training.ppo.ppo import MetaRecurrentPPO
from meta_envs.training.run import Run
from meta_envs.version import __version__

FOLDER = "snapshots"
PATTERN = "step-*.safetensors"


def snapshots(directory: str | Path) -> list[Path]:
    """The snapshots of a run, in the order of their steps.

    Args:
        directory: Of the run.

    Returns:
        Agents' files, none where the run has taken no snapshots.
    """
    return sorted(Path(directory, FOLDER).glob(PATTERN), key=lambda path: (len(path.name), path.name))


def require_snapshots(num: int) -> None:
    """Refuse a number of snapshots that there cannot be.

    Raises:
        ValueError: If it is neither 0 nor a whole number of at least 2.
    """
    fits = is_whole(num, 0) and num != 1
    require(fits, "snapshots", num, "give a whole number of at least 2, for the first and the last, or 0 for none")


def make_agent(run: Run, model: MetaRecurrentPPO, **known: Any) -> Agent:
    """An agent with a run's weights as they are now, whose card tells how they were made, and what else is known."""
    versions = {"meta-envs": __version__, "torch": th.__version__.split("+")[0], "gymnasium": gym.__version__}
    made = {"steps": model.num_timesteps, "device": str(model.device), "threads": th.get_num_threads()}
    card = {**run.card, **made, "versions": versions, **known}
    return Agent.from_policy(model.policy, make_family(run.id, **run.keywords), run.preset.network, card)


class Snapshots:
    """Writes them: the first of the weights that have learned nothing, the last at the end.

    Snapshot ``k`` of ``num`` is due when the share ``(k / (num - 1)) ** 2`` of the steps is done, and is taken
    after the next update. So they are densest at the beginning, where most is learned. Which are due depends on the
    steps alone, and none draws from a random stream.

    Args:
        run: The run.
        directory: Of the run.
        num: How many, at least 2; 0 for none.
    """

    def __init__(self, run: Run, directory: Path, num: int) -> None:
        self._run, self._num, self._folder = run, int(num), directory / FOLDER

    def clear(self, *, anew: bool) -> None:
        """Delete what a kill left behind, and where a run begins anew all snapshots."""
        for pattern in (f".{PATTERN}*", *([PATTERN] if anew else [])):
            for left in self._folder.glob(pattern):
                left.unlink()

    def look(self, model: MetaRecurrentPPO) -> None:
        """Write the weights if a snapshot was due in the newest rollout."""
        steps = model.num_timesteps
        if self._num and (not steps or self._due(steps) > self._due(steps - model.n_steps * model.n_envs)):
            self.write(model)

    def write(self, model: MetaRecurrentPPO) -> None:
        """Write the weights as they are now, unless no snapshots are wanted.

        The card has nothing of the clock: a run that is resumed writes the same files.

        Raises:
            OSError: If they find no room.
        """
        if not self._num:
            return
        agent = make_agent(self._run, model)
        with writing(self._folder.parent, model):
            agent.save(self._folder / f"step-{model.num_timesteps:08}.safetensors")

    def _due(self, steps: int) -> int:
        """The newest that is due after so many steps."""
        whole = self._run.preset.steps
        return isqrt(min(max(steps, 0), whole) * (self._num - 1) ** 2 // whole)
