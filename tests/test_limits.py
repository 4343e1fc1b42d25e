"""Sizes: what does not fit into memory, or takes too long, is refused in a sentence before any of it is made."""

import subprocess
import sys
from dataclasses import dataclass, fields

import gymnasium as gym
import numpy as np
import pytest
from families import FAMILIES, Drift, Urn, registered, small

import meta_envs
from meta_envs.errors import TooLarge
from meta_envs.families.harlow import Harlow
from meta_envs.lifetimes.oracle import task_laws
from meta_envs.limits import DEFAULTS, GIBIBYTES, MINUTES, require_bytes, require_room, require_seconds

HUGE = 10**9
COUNTS = [
    (id, field.name)
    for id, family in FAMILIES.items()
    for field in fields(family)
    if type(getattr(family, field.name)) is int
]
"""Every whole number of every environment."""
MAKERS = {
    "make": gym.make,
    "make_vec": lambda id, **keywords: gym.make_vec(id, 2, **keywords),
    "make_family": meta_envs.make_family,
    "solve": meta_envs.solve,
    "evaluate": lambda id, **keywords: meta_envs.evaluate("random", id, episodes=2, **keywords),
}
CAPPED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
sys.path.insert(0, "tests")
import test_limits
for id, name in test_limits.COUNTS:
    for maker in test_limits.MAKERS.values():
        test_limits.refused(maker, id, name)
"""


def refused(maker, id: str, name: str) -> str:
    """The sentence with which a billion is refused."""
    with pytest.raises(ValueError, match=f"{name}={HUGE}") as caught:
        maker(id, **{name: HUGE})
    return str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is capped as Linux does")
def test_a_billion_of_anything_is_refused_before_it_is_made() -> None:
    """Every whole number of every environment, by every maker, in a process that may not have more than 6 GiB."""
    done = subprocess.run([sys.executable, "-c", CAPPED], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("id", FAMILIES)
def test_a_billion_copies_are_refused(id: str) -> None:
    """With their number, what they need, and the cure."""
    with pytest.raises(TooLarge, match=rf"num_envs={HUGE}.* needs about [\d,.]+ GiB of memory, and 4 GiB are"):
        gym.make_vec(id, HUGE, **small(id))


def test_the_sentence_gives_number_need_and_cure() -> None:
    """By hand: 40 bytes a uniform of a pull and 32 a step are 67 GiB."""
    told = refused(gym.make, "MetaBandit-Dependent-v0", "num_trials")
    assert told == (
        "DependentBandit with num_trials=1000000000 needs about 67.1 GiB of memory, and 4 GiB are allowed: give "
        "smaller numbers, or allow more by the environment variable META_ENVS_MAX_GIB."
    )


def test_the_limit_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less or more memory and time, by environment variables; nonsense in them is refused."""
    family = meta_envs.make_family("MetaBandit-Dependent-v0", num_trials=10**6)
    monkeypatch.setenv(GIBIBYTES, "0.05")
    with pytest.raises(TooLarge, match=r"num_trials=1000000 needs about 0\.1 GiB of memory, and 0\.05 GiB are allowed"):
        require_room(family)
    monkeypatch.setenv(GIBIBYTES, "0.5")
    require_room(family)
    monkeypatch.setenv(MINUTES, "1000")
    require_seconds(60 * DEFAULTS[MINUTES] + 60, "This")
    monkeypatch.delenv(MINUTES)
    with pytest.raises(TooLarge, match=r"This takes about 21\.0 minutes, and 20 are allowed: give smaller"):
        require_seconds(60 * DEFAULTS[MINUTES] + 60, "This")
    for nonsense in ("much", "0", "-1", "nan"):
        monkeypatch.setenv(GIBIBYTES, nonsense)
        with pytest.raises(ValueError, match=f"{GIBIBYTES}='{nonsense}' is not possible: give a positive number"):
            require_bytes(1, "This")


TEN_TIMES = {"num_trials": 1000, "num_decisions": 9000, "num_moves": 2000, "num_episodes": 100, "num_arms": 110}


@pytest.mark.parametrize("id", FAMILIES)
def test_ten_times_the_usual_is_allowed(id: str) -> None:
    """Lifetimes ten times as long as the paper's, and 4096 copies of the usual ones."""
    known = {field.name for field in fields(FAMILIES[id])}
    larger = {name: value for name, value in TEN_TIMES.items() if name in known}
    if id == "MetaHarlow-Symbolic-v0":
        larger = {"num_trials": 62}
    env = gym.make(id, **larger)
    env.reset(seed=0)
    env.step(0)
    require_room(FAMILIES[id], 4096)


@dataclass(frozen=True, kw_only=True)
class Wide(Urn):
    """A family from outside with more outcomes than it says anything about."""

    num_colors: int = 10**6

    @property
    def num_outcomes(self) -> int:
        return self.num_colors


@pytest.mark.parametrize(
    ("family", "keywords"),
    [(Urn, {"num_draws": HUGE}), (Drift, {"num_steps": HUGE}), (Wide, {"num_colors": HUGE}), (Wide, {})],
    ids=str,
)
def test_families_from_outside_are_bounded_too(family: type, keywords: dict) -> None:
    """By their horizon, their uniforms and the size of their law, which every family declares."""
    with registered(Outside=family), pytest.raises(TooLarge, match=family.__name__):
        gym.make("Outside-v0", **keywords).reset(seed=0)


def test_laws_of_long_tasks_are_tabulated_one_after_the_other() -> None:
    """By hand: of a restless bandit the law at trial t is its p_1(t), whatever the number of trials; 1000 tasks fit."""
    family = meta_envs.make_family("MetaBandit-Restless-v0", num_trials=1000)
    task = family.sample_task(np.random.default_rng(0).random((100, family.num_task_chance)))
    probs, rewards = task_laws(family, task)
    np.testing.assert_array_equal(rewards[:, :-1, 0], task[:, 1:])
    np.testing.assert_array_equal(rewards[:, :-1, 1], 1.0 - task[:, 1:])
    assert probs.shape == (100, 1001, 2, 2)


def test_images_are_bounded_by_their_resolution() -> None:
    """The panorama and a thousand pictures; ten times the paper's fit."""
    Harlow(resolution=840)
    with pytest.raises(TooLarge, match="resolution=10000"):
        Harlow(resolution=10_000)


@pytest.mark.parametrize(
    ("id", "keywords"),
    [
        ("MetaTwoStep-v0", {"num_trials": 10**6}),
        ("MetaTwoStep-Switching-v0", {"num_trials": 10**6}),
        ("MetaBandit-Restless-v0", {"num_trials": 10**5}),
        ("MetaBandit-Informative-v0", {"num_arms": 1000}),
        ("MetaBandit-Dependent-v0", {"num_trials": 10**5}),
        ("MetaBandit-Independent-v0", {"num_trials": 10**4, "num_arms": 10**4}),
        ("MetaNavigation-IMaze-v0", {"num_decisions": 10**6}),
        ("MetaMDP-Tabular-v0", {"episode_length": 10**4}),
        ("MetaMDP-Tabular-v0", {"num_states": 1000}),
        ("MetaHarlow-v0", {"num_decisions": 10**6}),
    ],
    ids=str,
)
def test_optima_that_take_too_long_are_refused_at_once(id: str, keywords: dict) -> None:
    """What the environment can be made for is not always solved: the need is estimated before it is begun."""
    with pytest.raises(meta_envs.Unsolvable, match=r"are allowed: give|gone through: give|bounds are computed up to"):
        meta_envs.solve(id, **keywords)


def test_rollouts_are_bounded_before_anything_is_solved() -> None:
    """A thousand lifetimes of a million pulls each are refused; two are not, by the room alone."""
    with pytest.raises(TooLarge, match=r"num_envs=1000, num_trials=10000000 needs about"):
        meta_envs.evaluate("random", "MetaBandit-Dependent-v0", episodes=1000, num_trials=10**7)


def test_more_apples_than_bits_are_refused() -> None:
    """Those that are left are the bits of one number."""
    with pytest.raises(ValueError, match="num_apples=63 is not possible: give at most 62 apples"):
        gym.make("MetaNavigation-IMazeGrid-v0", corridor=40, num_apples=63)
    env = gym.make("MetaNavigation-IMazeGrid-v0", corridor=40, num_apples=62)
    env.reset(seed=0)
    assert env.step(0)[1] in (0.0, 1.0)
