"""Train a meta-learner and see how near it comes to the best possible learner.

The agent is an LSTM that sees its own last action and reward. RecurrentPPO trains its weights over many tasks; within a
task the weights are frozen, and what learns are the dynamics of the LSTM (Wang et al. 2016, "Learning to reinforcement
learn").

    python examples/train_reference_agent.py --help

Change ``id`` for another task. All settings are in meta_envs/training/presets.py; any of them may be given to
``train``.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

import meta_envs
from meta_envs import serving
from meta_envs.evaluation import regret_figure, save_cards, table
from meta_envs.learners import Learner
from meta_envs.terminal import Screen
from meta_envs.training import TrainingStopped, load_agent, train


def main(
    id: Annotated[str, typer.Argument(help="The environment.")] = "MetaBandit-Dependent-v0",
    seed: Annotated[int, typer.Option(help="Seed of the training run.")] = 1,
    directory: Annotated[Path, typer.Option(help="Where everything is written.")] = Path("runs/demo"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
) -> None:
    """Train, evaluate beside rules and the exact optimum, and draw."""
    # 1. Train. Every lifetime is a new task, so there is nothing to memorise but how to learn.
    try:
        path = train(id, seed=seed, directory=directory, resume=resume, overwrite=not resume)
    except TrainingStopped as stopped:
        again = " ".join([sys.executable, *(word for word in sys.argv if word != "--resume"), "--resume"])
        print(f"\n{stopped}\nGo on with: {again}", file=sys.stderr)
        sys.exit(130)

    # 2. Evaluate on lifetimes that no training run sees, all learners on common random numbers.
    greedy, sampled = load_agent(path, play="greedy"), load_agent(path, play="sampled")
    rules = serving(["random", "ucb1", "thompson_independent", "thompson"], id)
    learners: list[str | Learner] = [*rules, sampled, greedy, *serving(["bayes"], id)]
    with Screen(stderr=True).status("Evaluating on 10,000 unseen lifetimes ..."):
        cards = meta_envs.evaluate(learners, id, episodes=10_000, seed=1)
    Screen().print(table(cards))

    # 3. Keep what was measured: the scorecards as JSON, and the regret curves as a picture.
    save_cards(cards, directory / "scorecard.json")
    regret_figure(cards, directory / "regret.png")
    print(f"agent      {path}")
    print(f"scorecard  {directory / 'scorecard.json'}")
    print(f"figure     {directory / 'regret.png'}")


if __name__ == "__main__":
    typer.run(main)
