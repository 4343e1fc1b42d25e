"""Distil the exact Bayes optimum into a network: what a memory can hold, the control of learning from rewards.

The network lives lifetimes, at every step the optimum says what it would do in its place, and the network learns to say
so too (DAgger; Ross, Gordon & Bagnell 2011). What it learns here and an agent of the same size does not learn from
rewards, the agent's training did not find, though its memory could hold it.

    python examples/distil_the_optimum.py
    python examples/distil_the_optimum.py MetaTwoStep-v0 --units 96

The agent is a file like those that training writes: `meta-envs evaluate ID --agent FILE`.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch as th
import typer

import meta_envs
from meta_envs.agents.agent import Agent
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner
from meta_envs.learners.rollout import BLOCK, roll_out
from meta_envs.registry import make_family
from meta_envs.seeds import TRAINING
from meta_envs.solvers.bayes import Bayes
from meta_envs.terminal import Screen
from meta_envs.terminal.progress import Progress
from meta_envs.training.presets import preset_of
from meta_envs.training.run import Run


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
    lifetimes: Annotated[int, typer.Option(help="New lifetimes for each.", max=BLOCK)] = 256,
    seed: Annotated[int, typer.Option(help="Of weights, tasks and choices.", max=100)] = 1,
    episodes: Annotated[int, typer.Option(help="Unseen lifetimes of the evaluation.")] = 10_000,
    output: Annotated[Path, typer.Option(help="The agent's file.")] = Path("runs/distilled.safetensors"),
) -> None:
    """Distil, write the agent, and evaluate it beside its teacher."""
    family = make_family(id)
    preset = preset_of(
        id, memory="lstm", hidden_size=units, forget_bias=1.0, steps=updates * lifetimes * family.horizon
    )
    run = Run(id=id, seed=seed, preset=preset)
    agent = Agent.from_policy(
        run.make_model(run.make_env()).policy, family, preset.network, {**run.card, "play": "sampled"}
    )
    pupil, network = Pupil(agent, Bayes()), agent.policy
    optimizer = th.optim.Adam(network.parameters(), lr=5e-3)
    schedule = th.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, updates)
    with Progress(f"Distilling {id}", updates) as progress:
        for update in range(updates):
            for _ in roll_out([pupil], family, TRAINING.lifetimes(lifetimes, 1 + seed * updates + update), update):
                memory, _ = network.lstm_actor(th.stack(pupil.seen), network.begin(lifetimes)[0])
            logits, told = network.action_net(memory).flatten(0, 1), th.from_numpy(np.stack(pupil.told)).flatten()
            loss = th.nn.functional.cross_entropy(logits, told)
            optimizer.zero_grad()
            th.autograd.backward(loss)
            th.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            optimizer.step()
            schedule.step()
            progress.advance(note=f"loss {loss.item():.3f}")
    output.parent.mkdir(parents=True, exist_ok=True)
    agent.save(output)
    ways = [meta_envs.load_agent(output, play=play) for play in ("sampled", "greedy")]
    cards = meta_envs.evaluate([*ways, "bayes"], id, episodes=episodes, seed=1)
    Screen().print(meta_envs.evaluation.table(cards))
    print(output)


if __name__ == "__main__":
    typer.run(main)
