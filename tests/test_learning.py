"""What agents learn with the presets, on 10,000 unseen lifetimes: long trainings, run by ``make test-long``."""

from pathlib import Path
from typing import Any

import pytest

import meta_envs
from meta_envs.evaluation.scores import Scorecard
from meta_envs.training import load_agent, train

ID = "MetaBandit-Dependent-v0"

pytestmark = pytest.mark.slow


def best_of_plays(id: str, directory: Path, **settings: Any) -> tuple[Scorecard, Scorecard, list[Scorecard]]:
    """Cards of the agent's own play, of Thompson sampling and, greedy and sampled, of both plays."""
    path = train(id, directory=directory, progress=False, **settings)
    plays = [load_agent(path, play=play) for play in ("greedy", "sampled")]
    own, thompson, *both = meta_envs.evaluate([load_agent(path), "thompson", *plays], id, episodes=10_000, seed=1)
    return own, thompson, both


def test_the_demo_keeps_what_the_readme_promises(tmp_path: Path) -> None:
    """An agent's own play has a score of at least .985 for 4 of 5 training seeds."""
    own = [best_of_plays(ID, tmp_path / str(seed), seed=seed)[0] for seed in range(1, 6)]
    assert sum(card.score is not None and card.score >= 0.985 for card in own) >= 4


def test_dependent_arms_are_learned_near_the_optimum(tmp_path: Path) -> None:
    """Expected regret of at most 1.6, and below Thompson's, in greedy and in sampled play."""
    _, thompson, both = best_of_plays(ID, tmp_path)
    for card in both:
        assert card.regret_mean <= 1.6
        assert card.regret_mean < thompson.regret_mean


def test_independent_arms_are_learned_beyond_thompson_sampling(tmp_path: Path) -> None:
    """The agent's own play has less regret than Thompson sampling with the true prior."""
    own, thompson, _ = best_of_plays("MetaBandit-Independent-v0", tmp_path)
    assert own.regret_mean < thompson.regret_mean


def test_without_the_reward_nothing_is_learned(tmp_path: Path) -> None:
    """The paper's control: regret within 2 % of random's, 25 by hand."""
    _, _, both = best_of_plays(ID, tmp_path, reward=False)
    for card in both:
        assert card.regret_mean == pytest.approx(25.0, rel=0.02)


def test_random_mdps_are_learned_beyond_exploration_bonuses_with_the_true_prior(tmp_path: Path) -> None:
    """More than BEB on common random numbers, which has more than the best rule of RL^2's own table, 150.2."""
    id = "MetaMDP-Tabular-v0"
    agent = load_agent(train(id, directory=tmp_path, progress=False))
    own, beb = meta_envs.evaluate([agent, "beb"], id, episodes=10_000, seed=1)
    assert own.return_mean > beb.return_mean > 150.2
