"""The hidden task is hidden by construction: a learner gets what it says it needs, and nothing else."""

from typing import Any

import numpy as np
import pytest

import meta_envs
from meta_envs.family import Array, TaskFamily
from meta_envs.learners import Learner, roll_out, select_known

IDS = meta_envs.ids()
SMALL: dict[str, dict[str, Any]] = {
    "MetaHarlow-v0": {"resolution": 36},
    "MetaNavigation-IMaze-v0": {"resolution": 36, "num_decisions": 20},
    "MetaNavigation-RandomMaze-v0": {"resolution": 36, "layouts": "random", "num_decisions": 20},
}


class Curious(Learner):
    """Keeps all that it is given, and acts at random."""

    def __init__(self, *needs: str) -> None:
        self.needs = needs
        self.given: list[dict[str, Array]] = []
        self.seen: list[Any] = []

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        self._actions, self._num, self._rng = family.action_space.n, num, rng  # type: ignore[attr-defined]

    def inform(self, known: dict[str, Array]) -> None:
        self.given.append(known)

    def act(self, observation: Any) -> Array:
        self.seen.append(observation)
        return self._rng.integers(self._actions, size=self._num)


def run_curious(id: str, *needs: str, num: int = 3) -> tuple[Curious, TaskFamily, Array]:
    """A curious learner after a rollout, the family, and the hidden tasks (num, T)."""
    learner, family = Curious(*needs), meta_envs.make_family(id, **SMALL.get(id, {}))
    (block,) = roll_out([learner], family, range(2**32, 2**32 + num), 0)
    return learner, family, block.task


@pytest.mark.parametrize("needs", [(), ("observation",), ("state",), ("layout",), ("task",), ("state", "layout")])
def test_a_learner_gets_exactly_what_it_needs(needs: tuple[str, ...]) -> None:
    """None in place of an observation that it does not need, and no other key; nothing is told that is not needed."""
    learner, _, _ = run_curious("MetaNavigation-IMazeGrid-v0", *needs)
    told = set(needs) - {"observation"}
    assert all((seen is not None) == ("observation" in needs) for seen in learner.seen)
    assert all(set(known) == told for known in learner.given)
    assert len(learner.given) == (len(learner.seen) if told else 0)


@pytest.mark.parametrize("id", IDS)
def test_the_goal_is_masked_in_layouts(id: str) -> None:
    """Of the task only the numbers that the family calls its layout are told; what pays never is one of them."""
    learner, family, task = run_curious(id, "layout")
    shown = [name in family.layout_names for name in family.task_names]
    for known in learner.given:
        np.testing.assert_array_equal(known["layout"], np.where(shown, task, np.nan))
    assert not {"goal", "rewarded"} & set(family.layout_names)


# In random mazes, where the body begins depends on where the goal is not.
@pytest.mark.parametrize("id", [id for id in IDS if id != "MetaNavigation-RandomMaze-v0"])
def test_first_states_do_not_tell_the_task(id: str) -> None:
    """The states of lifetimes in different tasks, on the same chance, are one and the same before the first step."""
    family = meta_envs.make_family(id, **SMALL.get(id, {}))
    rng = np.random.default_rng(0)
    chance = rng.random((1, family.num_task_chance))
    first = chance.repeat(64, axis=0)
    task = family.sample_task(rng.random((64, family.num_task_chance)))
    state = family.initial_state(task, first)
    known = select_known(Curious("state"), family, task, state)["state"]
    np.testing.assert_array_equal(known, known[:1].repeat(64, axis=0))


@pytest.mark.parametrize("id", ["MetaHarlow-v0", "MetaHarlow-Symbolic-v0"])
def test_harlows_states_tell_no_side_before_the_first_choice(id: str) -> None:
    """Two lifetimes that differ in where the rewarded image is look alike until one was chosen, and never ahead."""
    family = meta_envs.make_family(id, **SMALL.get(id, {}))
    chance = np.random.default_rng(1).random((2, family.num_task_chance))
    chance[1] = np.where(np.arange(family.num_task_chance) >= 2, 1.0 - chance[0], chance[0])
    state = family.initial_state(family.sample_task(chance), chance)
    assert not np.array_equal(*state)
    np.testing.assert_array_equal(*family.visible_state(state.copy()))


class Sleeper(Curious):
    """Never chooses."""

    def act(self, observation: Any) -> Array:
        super().act(observation)
        return np.full(self._num, self._actions - 1)


@pytest.mark.parametrize("id", ["MetaHarlow-v0", "MetaHarlow-Symbolic-v0"])
def test_harlows_states_tell_no_side_to_whoever_never_chose(id: str) -> None:
    """However long the lifetime has lasted: two learners that sleep in tasks with other sides are told the same."""
    family, sleeper = meta_envs.make_family(id, **SMALL.get(id, {})), Sleeper("state")
    (block,) = roll_out([sleeper], family, range(2**32, 2**32 + 40), 0)
    assert len({tuple(sides) for sides in block.task}) > 1
    for known in sleeper.given:
        np.testing.assert_array_equal(known["state"], known["state"][:1].repeat(40, axis=0))


@pytest.mark.parametrize(
    ("id", "needs", "told"),
    [
        ("MetaNavigation-IMaze-v0", ("observation",), False),
        ("MetaNavigation-IMaze-v0", ("state",), True),
        ("MetaMDP-Tabular-v0", (), False),
        ("MetaBandit-Dependent-v0", (), True),
    ],
)
def test_outcomes_are_for_those_who_may_know_them(id: str, needs: tuple[str, ...], told: bool) -> None:
    """Where an outcome may be a whole state, only those who need the state are told it; in discrete families, all."""

    class Listener(Curious):
        heard: Any = None

        def learn(self, action: Array, outcome: Any, reward: Array) -> None:
            self.heard = outcome

    learner, family = Listener(*needs), meta_envs.make_family(id, **SMALL.get(id, {}))
    next(roll_out([learner], family, range(2**32, 2**32 + 3), 0))
    assert (learner.heard is not None) == told


def test_whoever_needs_the_task_is_told_the_state_as_it_is() -> None:
    """The oracle acts by the state, in which nothing may be masked for it."""
    learner, family, task = run_curious("MetaHarlow-Symbolic-v0", "state", "task")
    np.testing.assert_array_equal(learner.given[0]["task"], task)
    assert np.any(learner.given[0]["state"] != family.visible_state(learner.given[0]["state"].copy()))


def test_what_is_told_is_the_learners_own() -> None:
    """It may write into what it is told, and the lifetimes go on as if it had not."""

    class Scribbler(Curious):
        def inform(self, known: dict[str, Array]) -> None:
            for values in known.values():
                values[:] = 7

    family = meta_envs.make_family("MetaNavigation-IMaze-v0", **SMALL["MetaNavigation-IMaze-v0"])
    blocks = []
    for learner in (Curious("state", "task"), Scribbler("state", "task")):
        (block,) = roll_out([learner], family, range(2**32, 2**32 + 3), 0, whole=True)
        blocks.append(block)
    np.testing.assert_array_equal(blocks[0].rollouts[0].state, blocks[1].rollouts[0].state)
    np.testing.assert_array_equal(blocks[0].task, blocks[1].task)


def test_an_unknown_need_is_refused() -> None:
    """In a sentence that says what there is."""
    with pytest.raises(ValueError, match="needs 'goal': it is one of observation, state, layout, task"):
        run_curious("MetaBandit-Dependent-v0", "goal")
