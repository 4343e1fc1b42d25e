"""Figures beyond the paper: every verdict is seen to hold and to fail."""

from typing import Any

import torch as th

import meta_envs
from meta_envs.agents.agent import Agent
from meta_envs.figures.claims import FAILS, HOLDS
from meta_envs.figures.panels.learn_or_not import ROLES
from meta_envs.figures.panels.memory import MOMENTS, TASKS


def verdicts(name: str, **options: Any) -> dict[str, str]:
    """Verdicts by claim."""
    return {verdict.claim: verdict.verdict for verdict in meta_envs.reproduce(name, **options).verdicts}


def numb(id: str) -> Agent:
    """An agent whose memory holds nothing."""
    agent = meta_envs.load_agent(id)
    with th.no_grad():
        for weights in agent.policy.parameters():
            weights.zero_()
    return agent


def cast(of: Any) -> dict[str, Any]:
    """A player for each task, by its id, and the same at the beginning and the end of training."""
    players = {task: of(id) for task, id in TASKS.items()}
    return {**players, MOMENTS: [players["dependent arms"]] * 2}


def test_the_belief_is_in_trained_networks_alone() -> None:
    """What holds of the shipped ones fails where nothing is held."""
    assert set(verdicts("belief", episodes=60, agent=cast(meta_envs.load_agent)).values()) == {HOLDS}
    assert set(verdicts("belief", episodes=60, agent=cast(numb)).values()) == {FAILS}


def test_the_optimum_agrees_with_itself_and_a_constant_choice_does_not() -> None:
    """And what was better at the beginning has not risen."""
    optimum = dict.fromkeys(TASKS, "bayes")
    found = verdicts("agreement", episodes=300, agent={**optimum, MOMENTS: ["random", "bayes"]})
    assert set(found.values()) == {HOLDS}
    worst = {**cast(numb), MOMENTS: ["bayes", "random"]}
    assert set(verdicts("agreement", episodes=60, agent=worst).values()) == {FAILS}


def test_a_machine_that_holds_nothing_simulates_nothing() -> None:
    """Both ways are judged, and a memory without content is no better than an untrained one."""
    found = verdicts("machines", episodes=40, agent={"dependent arms": meta_envs.load_agent(TASKS["dependent arms"])})
    assert found["dissimilarity, optimum run from memories"] == HOLDS
    assert FAILS in verdicts("machines", episodes=40, agent={"dependent arms": numb(TASKS["dependent arms"])}).values()


def test_the_optimum_learns_where_it_should_and_random_play_does_not() -> None:
    """On both sides of the border."""
    assert set(verdicts("learn-or-not", episodes=50, agent={role.name: "bayes" for role in ROLES}).values()) == {HOLDS}
    never = {role.name: "oracle" if role.keywords["prior_sd"] > 1 else "random" for role in ROLES}
    assert set(verdicts("learn-or-not", episodes=200, agent=never).values()) == {FAILS}
