"""The two-step task whose better state switches: the version of Wang et al. 2018."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from meta_envs.families.two_step import TwoStage
from meta_envs.family import Array


@dataclass(frozen=True, kw_only=True)
class SwitchingTwoStep(TwoStage):
    """The two-step task for a hundred trials, in which the state that pays well changes now and then.

    ## Description
    A trial has two steps. At the first stage S1 a choice of two leads to the second-stage state S2 or S3; action 0
    mostly to S2, action 1 mostly to S3. There, whatever the action, a reward is drawn, and the next trial begins at S1.
    One of the two second-stage states pays well, the other badly; before each trial but the first the two may change
    roles, which nothing shows but the rewards. A learner that knows the structure repeats its choice after a reward on
    the common way and changes it after a reward on the rare one.

    ## Task prior
    S2 or S3 is the better one in the first trial, with the same probability, and before every later trial the other
    one becomes it with probability `switch`, independently [paper 2018: 0.025]. The task is the whole schedule
    `(better_1, ..., better_num_trials)`, shape `(num_trials,)`: 2 for S2, 3 for S3, and may be fixed by
    `reset(options={"task": [2, 2, 3, ...]})`. Its law is what a lifetime keeps; the schedule is drawn when it begins.

    ## Action Space
    `Discrete(2)`: the choice at S1; at S2 and S3 the action makes no difference [paper].

    ## Observation Space
    `Box(0, 1, (3,), float32)`: the state one-hot, S1, S2, S3 [paper]. The wrapper `PreviousActionReward` adds what the
    paper's network sees: the previous action one-hot, the previous reward, and the time, which is the trial's:
    `trial / num_trials` [ours: as in the task of 2016, scaled to [0, 1]].

    ## Rewards
    0 at S1; at S2 and S3 a reward of 1 with probability `high` in the better and `low` in the other state, else 0
    [paper 2018: 0.9 and 0.1].

    ## Starting State
    S1, in the first trial.

    ## Episode End
    `terminated` after `num_trials` trials of two steps [paper 2018: 100, so 200 steps]; never truncated [ours: the end
    is part of the problem].

    ## Optimum
    The belief is one number, the probability that S2 is the better one. Where the rewards of the two states mirror each
    other (`low = 1 - high`), either state tells as much about it, so that beliefs do not depend on the actions, and
    choosing the common way to the likelier state is Bayes-optimal. `meta_envs.solve("MetaTwoStep-Switching-v0")` runs
    dynamic programming over a fine grid of that number, which is right to about 1e-7 and does not need `low = 1 -
    high`. The oracle, which knows the schedule, expects `num_trials (common high + (1 - common) low)`, 74 of 100 for
    the numbers of 2018, and random play `num_trials (high + low) / 2`, 50.

    ## Arguments
    - `num_trials=100`: trials of a lifetime [paper 2018: 100], at least 1.
    - `common=0.8`: probability of the common transition [paper 2018: 0.8], from 0 to 1.
    - `high=0.9`, `low=0.1`: reward probabilities of the better and of the other state [paper 2018: 0.9, 0.1], from 0
      to 1.
    - `switch=0.025`: probability that the two change roles before a trial [paper 2018: 0.025], from 0 to 1.

    ## Fidelity
    As in the paper of 2018: 100 trials, transitions of 0.8 and 0.2, rewards of 0.9 and 0.1, switches with 0.025 per
    trial. Published probabilities of repeating the first-stage choice: 0.99 after a reward on the common way, 0.64
    after one on the rare way, 0.62 and 0.985 after no reward on the common and on the rare way. [ours]: the even draw
    of the first better state, no switch before the first trial, the time scaled to [0, 1], the previous action and
    reward all zeros at the first step, the end signalled as `terminated`.

    ## References
    Wang et al. 2018, *Prefrontal cortex as a meta-reinforcement learning system*, Nature Neuroscience 21:860, the
    two-step task; Wang et al. 2016, *Learning to reinforcement learn*, arXiv 1611.05763, section 3.2.1, has the version
    without switches.

    ## Version History
    - v0: first version.
    """

    num_trials: int = 100
    common: float = 0.8
    switch: float = 0.025

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        super().__post_init__()
        self._require_probabilities("switch")

    @property
    def task_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """The better second-stage state of every trial."""
        return tuple(f"better_{trial + 1}" for trial in range(self.num_trials))

    @property
    def num_task_chance(self) -> int:
        """One uniform a trial: which is better in the first, whether they switch before the others."""
        return self.num_trials

    def better(self, task: Array, state: Array) -> Array:
        return task[np.arange(len(task)), np.minimum(state[:, 0], self.num_trials - 1)]

    def sample_task(self, chance: Array) -> Array:
        events = chance < self.switch
        events[:, 0] = chance[:, 0] >= 0.5
        return 2.0 + np.cumsum(events, axis=-1) % 2

    def in_support(self, task: Array) -> Array:
        known = np.all((task == 2.0) | (task == 3.0), axis=-1)
        switches = task[:, 1:] != task[:, :-1]
        if self.switch in (0.0, 1.0):
            known &= np.all(switches == bool(self.switch), axis=-1)
        return known

    def states(self) -> Array:
        """The trial, counted from 0, and the place; then the end (3 num_trials + 1, 2)."""
        trial, place = np.indices((self.num_trials, 3)).reshape(2, -1)
        return np.append(np.stack([trial, place], axis=-1), [[self.num_trials, 0]], axis=0)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 2), np.intp)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        trial, place = state[:, 0], state[:, 1]
        leaves = (place == 0) & (trial < self.num_trials)
        return np.stack([trial + (place > 0), np.where(leaves, 1 + outcome, 0)], axis=-1)

    def initial_belief(self) -> Array:
        """Trial 0, and the probability 1/2 that S2 is the better one (1, 2)."""
        return np.array([[0.0, 0.5]])

    def update_belief(self, belief: Array, state: Array, action: Array, outcome: Array) -> Array:
        """The trial, and the probability that S2 is the better one in it (B, 2): Bayes' rule, then a possible switch.

        The way from S1 tells nothing, and after the last trial nothing switches.
        """
        trial, second = belief[:, 0], belief[:, 1]
        place = state[:, 1]
        if_better, if_other = (np.where(outcome == 1, pays, 1.0 - pays) for pays in (self.high, self.low))
        for_second = second * np.where(place == 1, if_better, if_other)
        for_third = (1.0 - second) * np.where(place == 1, if_other, if_better)
        posterior = for_second / (for_second + for_third)
        switch = np.where(trial + 1 < self.num_trials, self.switch, 0.0)
        moved = posterior * (1.0 - switch) + (1.0 - posterior) * switch
        return np.stack([trial + (place > 0), np.where(place == 0, second, moved)], axis=-1)

    def predict(self, belief: Array, state: Array, action: Array) -> Array:
        """Probabilities of the ways, which are known, and of the rewards by the belief (B, 2)."""
        place = state[:, 1]
        here = np.where(place == 1, belief[:, 1], 1.0 - belief[:, 1])
        return self.law(here * self.high + (1.0 - here) * self.low, place, action)

    def sample_posterior(self, belief: Array, rng: np.random.Generator) -> Array:
        """Schedules (B, num_trials): the better state now, drawn from the belief, and switches from there on.

        What was before is not in the belief: earlier trials have the better state of the present one.
        """
        third = rng.random((len(belief), 1)) >= belief[:, 1:]
        later = np.arange(self.num_trials) > belief[:, :1]
        switches = (rng.random((len(belief), self.num_trials)) < self.switch) & later
        return 2.0 + (third + np.cumsum(switches, axis=-1)) % 2
