"""Distil the exact Bayes optimum into a network: what a memory can hold, the control of learning from rewards.

The network lives lifetimes, at every step the optimum says what it would do in its place, and the network learns to say
so too (DAgger; Ross, Gordon & Bagnell 2011). What it learns here and an agent of the same size does not learn from
rewards, the agent's training did not find, though its memory could hold it.

    python examples/distil_the_optimum.py
    python examples/distil_the_optimum.py MetaTwoStep-v0 --units 96

The agent is a file like those that training writes: `meta-envs evaluate ID --agent FILE`. Its card tells of the single
lifetime by which its network was made.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch as th
import typer
from rich.progress import track

import meta_envs
from meta_envs import make_family
from meta_envs.evaluation import table
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner, roll_out
from meta_envs.solvers import Bayes
from meta_envs.terminal import Screen
from meta_envs.training import Agent, load_agent, train


class Pupil(Learner):
    """Plays as an agent does, and writes down what the agent saw and what its teacher would have done."""

    name = "pupil"

    def __init__(self, agent: Agent, teacher: Learner) -> None:
        self.both = agent, teacher
        agent.policy.register_forward_pre_hook(lambda _, seen: self.seen.append(seen[0]))

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin."""
        self.seen: list[th.Tensor] = []
        self.told: list[Array] = []
        for learner in self.both:
            learner.begin(family, num, rng)

    def act(self, observation: Any) -> Array:
        """The agent's actions."""
        agent, teacher = self.both
        self.told.append(teacher.act(None))
        return agent.act(observation)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Both see what happened."""
        for learner in self.both:
            learner.learn(action, outcome, reward)


def main(
    id: Annotated[str, typer.Argument(help="An environment with an exact optimum.")] = "MetaBandit-Independent-v0",
    units: Annotated[int, typer.Option(help="Units of the LSTM.")] = 48,
    updates: Annotated[int, typer.Option(help="Gradient steps.")] = 1000,
    lifetimes: Annotated[int, typer.Option(help="New lifetimes for each.", max=1000)] = 256,
    seed: Annotated[int, typer.Option(help="Of weights, tasks and choices.", max=1000)] = 1,
    episodes: Annotated[int, typer.Option(help="Unseen lifetimes of the evaluation.")] = 10_000,
    output: Annotated[Path, typer.Option(help="The agent's file.")] = Path("runs/distilled.safetensors"),
) -> None:
    """Distil, write the agent, and evaluate it beside its teacher."""
    agent = make_agent(id, units, seed)
    pupil, network, family = Pupil(agent, Bayes()), agent.policy, make_family(id)
    optimizer = th.optim.Adam(network.parameters(), lr=5e-3)
    schedule = th.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    for update in track(range(updates), "Distilling"):
        first = (seed * updates + update) * lifetimes  # other lifetimes than those of evaluations, from 2**32 on
        for _ in roll_out([pupil], family, range(first, first + lifetimes), update):
            memory, _ = network.lstm_actor(th.stack(pupil.seen), network.begin(lifetimes)[0])
        logits, told = network.action_net(memory).flatten(0, 1), th.from_numpy(np.stack(pupil.told)).flatten()
        optimizer.zero_grad()
        th.autograd.backward(th.nn.functional.cross_entropy(logits, told))
        th.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        schedule.step()

    output.parent.mkdir(parents=True, exist_ok=True)
    agent.save(output)
    plays = [load_agent(output, play=play) for play in ("sampled", "greedy")]
    Screen().print(table(meta_envs.evaluate([*plays, "bayes"], id, episodes=episodes, seed=1)))
    print(output)


def make_agent(id: str, units: int, seed: int) -> Agent:
    """One that has learned next to nothing: trained for a single lifetime."""
    settings: dict[str, Any] = {"memory": "lstm", "hidden_size": units, "forget_bias": 1.0}
    settings |= {"steps": 1, "num_envs": 1, "minibatches": 1, "epochs": 1, "evaluations": 0}
    with TemporaryDirectory() as folder:
        return load_agent(train(id, seed=seed, directory=folder, progress=False, **settings), play="sampled")


if __name__ == "__main__":
    typer.run(main)
