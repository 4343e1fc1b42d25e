"""The contract has teeth: each check fails for something deliberately broken, and the others pass it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import Urn, place
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import meta_envs
from meta_envs import testing, wrappers
from meta_envs.envs.single import MetaEnv
from meta_envs.envs.vector import MetaVectorEnv
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.testing import sampling

GLOBAL = np.random.default_rng(0)


@dataclass(frozen=True, kw_only=True)
class Sound(DependentBandit):
    """Nothing is broken here."""

    num_trials: int = 5


@dataclass(frozen=True, kw_only=True)
class NoDefault(Sound):
    """A field without a default."""

    bonus: float


@dataclass(frozen=True, kw_only=True)
class SquareView(Sound):
    """An observation of a shape that SB3 warns of."""

    @property
    def observation_space(self):
        return spaces.Box(0.0, 1.0, (2, 2), np.float32)

    def observe(self, task, state):
        return np.zeros((len(state), 2, 2), np.float32)


@dataclass(frozen=True, kw_only=True)
class WrongRange(Sound):
    """Rewards beyond the declared range."""

    @property
    def reward_values(self):
        return None

    @property
    def reward_range(self):
        return (0.0, 0.5)


@dataclass(frozen=True, kw_only=True)
class GlobalChance(Sound):
    """Tasks drawn from a generator of the module."""

    def sample_task(self, chance):
        return super().sample_task(GLOBAL.random(chance.shape))


@dataclass(frozen=True, kw_only=True)
class MixedCopies(Sound):
    """Tasks that depend on which others are drawn beside them."""

    def sample_task(self, chance):
        return super().sample_task(np.sort(chance, axis=0))


@dataclass(frozen=True, kw_only=True)
class WrongDensity(Sound):
    """Tasks from another density than that of the beliefs."""

    def sample_task(self, chance):
        return super().sample_task(np.sqrt(chance))


@dataclass(frozen=True, kw_only=True)
class DependentArms(IndependentBandit):
    """Arms with the right means, one by one, that are not independent."""

    num_trials: int = 5

    def sample_task(self, chance):
        return np.stack([chance[:, 0], 1.0 - chance[:, 0]], axis=-1)


@dataclass(frozen=True, kw_only=True)
class OutsideSupport(Sound):
    """Tasks that are refused when they are given."""

    def sample_task(self, chance):
        return super().sample_task(chance) * [1.0, 0.5]


@dataclass(frozen=True, kw_only=True)
class WrongWeights(Urn):
    """Listed tasks that come more or less often than listed."""

    def sample_task(self, chance):
        return super().sample_task(chance**1.3)


@dataclass(frozen=True, kw_only=True)
class WrongOutcome(Sound):
    """Outcomes that do not follow the law: arm 2 pays where it should not."""

    def states(self):
        return None

    def outcome(self, task, state, action, chance):
        return np.where(action == 1, 1, 0) ^ super().outcome(task, state, action, chance)


@dataclass(frozen=True, kw_only=True)
class WrongUpdate(Sound):
    """A belief that counts failures as nothing."""

    def update_belief(self, belief, state, action, outcome):
        return np.where(outcome[:, None] == 1, super().update_belief(belief, state, action, outcome), belief)


@dataclass(frozen=True, kw_only=True)
class WrongPosterior(Sound):
    """Posterior draws from the prior."""

    def sample_posterior(self, belief, rng):
        return super().sample_posterior(0 * belief, rng)


@dataclass(frozen=True, kw_only=True)
class TellingView(Sound):
    """A first observation that tells the better arm."""

    def states(self):
        return np.array([[0.0], [1.0]])

    def initial_state(self, task, chance):
        return (chance[:, :1] > 0.5).astype(np.float64)

    def observe(self, task, state):
        return state.astype(np.float32)


def with_copies(single):
    """Gymnasium's vector environment over a broken single one, as ``<name>Copies``."""
    name = f"{single.__name__}Copies"
    globals()[name] = type(name, (Copies,), {"single": single, "__module__": __name__})
    return single


class Copies(SyncVectorEnv):
    single: type

    def __init__(self, family, num_envs=1, autoreset_mode="SameStep", **keywords):
        makers = [partial(self.single, family, **keywords)] * num_envs
        super().__init__(makers, autoreset_mode=autoreset_mode)

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=None if options is None else dict(options))


@with_copies
class SeedMethod(MetaEnv):
    """A method that Gymnasium warns of."""

    def seed(self, seed):
        return [seed]


@with_copies
class NumpyReward(MetaEnv):
    """Rewards of NumPy's type."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, np.float64(reward), *rest


@with_copies
class Truncating(MetaEnv):
    """The horizon signalled as truncation."""

    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, False, terminated, info


@with_copies
class Endless(MetaEnv):
    """Steps after the end."""

    def step(self, action):
        if self._over and self._lifetime.task is not None:
            return self._lifetime.observe(), 0.0, True, False, {}
        return super().step(action)


@with_copies
class Repeating(MetaEnv):
    """Without a seed, the lifetime of the seed before, again."""

    newest = None

    def reset(self, *, seed=None, options=None):
        self.newest = self.newest if seed is None else seed
        return super().reset(seed=self.newest, options=options)


@with_copies
class AlwaysBorn(MetaEnv):
    """Never seeded, always the same."""

    def __init__(self, *args, **keywords):
        super().__init__(*args, **keywords)
        self.np_random = np.random.default_rng(0)


@with_copies
class LateChance(MetaEnv):
    """Chance that depends on what was chosen before."""

    def step(self, action):
        if not self._over:
            late = self.np_random.random(2)
            self._lifetime._step_chance[self._lifetime._steps] = late[int(action)]
        return super().step(action)


@with_copies
class HandedTask(MetaEnv):
    """The task itself handed out, not a copy."""

    @property
    def task(self):
        return self._lifetime.task


@with_copies
class HandedView(MetaEnv):
    """One array for all observations."""

    def __init__(self, *args, **keywords):
        super().__init__(*args, **keywords)
        self._buffer = np.zeros(1, np.float32)

    def step(self, action):
        _, *rest = super().step(action)
        return self._buffer, *rest


@with_copies
class LostGenerator(MetaEnv):
    """A generator lost on the way into a copy."""

    def __getstate__(self):
        return {**vars(self), "_np_random": None}


@with_copies
class Unpicklable(MetaEnv):
    """A function kept in the environment."""

    def __init__(self, *args, **keywords):
        super().__init__(*args, **keywords)
        self.hook = lambda: None


@with_copies
class TellingInfo(MetaEnv):
    """The task in an info."""

    def reset(self, *, seed=None, options=None):
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {"task": self.task}


class SharedRewards(MetaVectorEnv):
    """One array for the rewards of all steps."""

    def __init__(self, *args, **keywords):
        super().__init__(*args, **keywords)
        self._rewards = np.zeros(self.num_envs)

    def step(self, actions):
        observation, rewards, *rest = super().step(actions)
        self._rewards[:] = rewards
        return observation, self._rewards, *rest


class OneGenerator(MetaVectorEnv):
    """One generator for all copies, so that copy i depends on how many there are."""

    def _begin(self, index, task=None):
        self._streams.generators = [self._streams.generators[0]] * self.num_envs
        super()._begin(index, task)


class NoFinalInfo(MetaVectorEnv):
    """Final observations without final infos."""

    def step(self, actions):
        *results, infos = super().step(actions)
        return *results, {key: value for key, value in infos.items() if "final_info" not in key}


class TalkativeNextStep(MetaVectorEnv):
    """An info of which single environments know nothing, in the mode "NextStep"."""

    def step(self, actions):
        *results, infos = super().step(actions)
        waits = self._mode is AutoresetMode.NEXT_STEP
        return *results, {"over": results[2].copy()} if waits else infos


class TakenMask(MetaVectorEnv):
    """The mask taken out of the caller's options, in the mode "Disabled"."""

    def reset(self, *, seed=None, options=None):
        results = super().reset(seed=seed, options=options)
        if options is not None and self._mode is AutoresetMode.DISABLED:
            options.pop("reset_mask", None)
        return results


class Remembering(wrappers.vector.PreviousActionReward):
    """A history wrapper that does not forget in copies reset by a mask."""

    def reset(self, *, seed=None, options=None):
        past, steps = self._past.copy(), self._steps.copy()
        observation, infos = super().reset(seed=seed, options=options)
        if options is not None and "reset_mask" in options:
            self._past, self._steps = past, steps
        return observation, infos


def forgetful_adapter(venv):
    """An SB3 adapter without final observations."""
    from stable_baselines3.common.vec_env import VecEnvWrapper

    class Forgetful(VecEnvWrapper):
        def reset(self):
            return self.venv.reset()

        def step_wait(self):
            *results, infos = self.venv.step_wait()
            for info in infos:
                info.pop("terminal_observation", None)
            return *results, infos

    return Forgetful(SOUND_ADAPTER(venv))


SOUND_ADAPTER = wrappers.SB3VecEnv


@dataclass(frozen=True)
class Breakage:
    """Something broken, and the checks that must fail, without their first word."""

    name: str
    fails: set[str]
    family: type = Sound
    entry_point: str | Callable[..., Any] = "meta_envs.envs:MetaEnv"
    vector_entry_point: str = "meta_envs.envs:MetaVectorEnv"
    keywords: dict[str, Any] = field(default_factory=dict)
    patch: tuple[Any, str, Any] | None = None


VECTOR = {"vector_same_step", "vector_next_step", "vector_disabled"}


def family(broken, *fails, **keywords):
    """A broken family."""
    return Breakage(broken.__name__, set(fails), broken, keywords=keywords)


def single(broken, *fails):
    """A broken single environment."""
    where = place(broken)
    return Breakage(broken.__name__, set(fails), entry_point=where, vector_entry_point=f"{where}Copies")


def vector(broken, *fails):
    """A broken vector environment."""
    return Breakage(broken.__name__, set(fails), vector_entry_point=place(broken))


BREAKAGES = [
    family(NoDefault, "family", bonus=0.0),
    family(SquareView, "stable_baselines3"),
    family(WrongRange, "values"),
    family(GlobalChance, "specs", "seeding", "chance", "memory", "copying", *VECTOR, "history", "adapter"),
    family(MixedCopies, *VECTOR, "history", "adapter"),
    family(WrongDensity, "prior"),
    family(DependentArms, "prior"),
    family(WrongWeights, "prior"),
    family(WrongOutcome, "payoffs"),
    family(WrongUpdate, "beliefs"),
    family(WrongPosterior, "beliefs"),
    family(TellingView, "first_observation"),
    single(SeedMethod, "gymnasium"),
    single(NumpyReward, "values"),
    single(Truncating, "ends"),
    single(Endless, "ends"),
    single(Repeating, "seeding"),
    single(AlwaysBorn, "seeding"),
    single(LateChance, "chance"),
    single(HandedTask, "memory"),
    single(HandedView, "gymnasium", "memory"),
    single(LostGenerator, "copying"),
    single(Unpicklable, "copying"),
    single(TellingInfo, "first_observation"),
    vector(SharedRewards, "memory"),
    vector(OneGenerator, *VECTOR, "history", "adapter"),
    vector(NoFinalInfo, "vector_same_step"),
    vector(TalkativeNextStep, "vector_next_step"),
    vector(TakenMask, "vector_disabled"),
    Breakage("CallableEntryPoint", {"specs"}, entry_point=MetaEnv),
    Breakage("Remembering", {"history"}, patch=(wrappers.vector, "PreviousActionReward", Remembering)),
    Breakage("ForgetfulAdapter", {"adapter"}, patch=(wrappers, "SB3VecEnv", forgetful_adapter)),
]
CHECKS = {check.__name__.removeprefix("check_"): check for check in testing.CHECKS}


@pytest.fixture
def broken_id(breakage, monkeypatch):
    """The id of something broken, registered for one test."""
    # What is broken here is broken enough to show in small samples.
    monkeypatch.setattr(sampling, "NUM_TASKS", 2048)
    monkeypatch.setattr(sampling, "NUM_FIRST", 512)
    monkeypatch.setattr(sampling, "NUM_STEPS", 20_000)
    monkeypatch.setattr(sampling, "NUM_PARTICLES", 4000)
    if breakage.patch:
        monkeypatch.setattr(*breakage.patch)
    gym.register(
        id="Broken-v0",
        entry_point=breakage.entry_point,
        vector_entry_point=breakage.vector_entry_point,
        order_enforce=False,
        disable_env_checker=True,
        kwargs={"family": place(breakage.family), **breakage.keywords},
    )
    yield "Broken-v0"
    del gym.registry["Broken-v0"]


def complaint(check, id):
    """What a check says against an environment, empty if nothing."""
    try:
        check(id)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_checks_find_what_is_broken_and_nothing_else(breakage, broken_id):
    """Exactly the checks that the breakage concerns fail, and say so in words."""
    found = {name: complaint(check, broken_id) for name, check in CHECKS.items()}
    assert {name for name, words in found.items() if words} == breakage.fails, found


@pytest.mark.parametrize("breakage", [Breakage("Sound", set())], ids=["Sound"])
def test_checks_pass_what_is_sound(broken_id):
    """What the broken ones are made from breaks nothing."""
    testing.check(broken_id)


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_fails_alone_for_something(name):
    """No check can be left out: for each, there is something that it alone finds."""
    assert {name} in [breakage.fails for breakage in BREAKAGES]


@pytest.mark.parametrize("breakage", [family(TellingView, "first_observation")], ids=["TellingView"])
def test_the_whole_contract_fails_where_a_check_does(broken_id):
    """`meta_envs.testing.check` runs them all, and passes the complaint on."""
    with pytest.raises(AssertionError, match="first observation tells the task"):
        testing.check(broken_id)


@pytest.mark.parametrize("breakage", [family(OutsideSupport)], ids=["OutsideSupport"])
def test_tasks_outside_the_support_are_found(broken_id):
    """Tasks that could not be given again are no draws from the prior."""
    with pytest.raises(AssertionError, match="was drawn but is not in_support"):
        testing.check_prior(broken_id)


def test_registry_is_left_as_it_was():
    """No broken id stays behind."""
    assert not [id for id in meta_envs.ids() if id.startswith("Broken")]
