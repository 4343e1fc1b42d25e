"""Learners for tabular MDPs of several episodes: posterior sampling, optimism, bonuses, and greedy planning.

All plan by backward induction over an inner episode, at the start of each, with what the episodes before have told.
They know the family's prior and mechanics, and of the task what they have seen. To where the last step of an inner
episode leads is not shown, and not learnt from.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from meta_envs.arguments import require
from meta_envs.errors import CannotServe
from meta_envs.families.tabular import TabularMDP
from meta_envs.family import Array, TaskFamily
from meta_envs.learners.learner import Learner, explore, pick_best


class Posterior:
    """Posteriors over the MDPs of ``num`` lifetimes: normal for the mean rewards, Dirichlet for the transitions.

    Args:
        family: The family, whose prior and reward noise hold.
        num: Lifetimes.
        prior_mean: Mean of the prior of mean rewards, if another than the family's.
        prior_weight: Dirichlet weight of each next state, and precision of the prior of mean rewards in units of the
            family's: 1 is the family's own prior, and next to 0 nearly what has been seen alone.

    Attributes:
        visits: Rewards seen of each pair of a state and an action (num, S, A).
        paid: Their sums (num, S, A).
        weights: Dirichlet weights of the next state (num, S, A, S): the prior's, and the transitions seen.
    """

    def __init__(
        self, family: TabularMDP, num: int, *, prior_mean: float | None = None, prior_weight: float = 1.0
    ) -> None:
        self._prior_mean = family.reward_mean if prior_mean is None else prior_mean
        self._prior_variance, self._noise = family.reward_sd**2 / prior_weight, family.noise_sd**2
        pairs = num, family.num_states, family.num_actions
        self.visits, self.paid = np.zeros(pairs), np.zeros(pairs)
        self.weights = np.full((*pairs, family.num_states), prior_weight)
        self._everyone = np.arange(num)

    def learn(self, state: Array, action: Array, reward: Array, following: Array | None) -> None:
        """Take in a step: states, actions, rewards and next states, all (num,); no next states where none is shown."""
        pair = self._everyone, state, action
        self.visits[pair] += 1
        self.paid[pair] += reward
        if following is not None:
            self.weights[(*pair, following.astype(np.intp))] += 1

    def rewards(self) -> tuple[Array, Array]:
        """Means and standard deviations (num, S, A) of the mean rewards."""
        seen = self.visits * self._prior_variance
        total = seen + self._noise
        # Without noise one reward tells all, and without spread of the prior none tells anything.
        weight = np.divide(seen, total, out=np.zeros_like(seen), where=total > 0.0)
        average = self.paid / np.maximum(self.visits, 1)
        mean = self._prior_mean + weight * (average - self._prior_mean)
        return mean, np.sqrt(self._prior_variance * (1.0 - weight))

    def transitions(self) -> Array:
        """Means (num, S, A, S) of the probabilities of the next state."""
        return self.weights / np.sum(self.weights, axis=-1, keepdims=True)

    def sample(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Mean rewards (num, S, A) and transitions (num, S, A, S) of one MDP a lifetime, drawn from the posterior."""
        mean, spread = self.rewards()
        waits = rng.standard_gamma(self.weights)
        return mean + spread * rng.standard_normal(mean.shape), waits / np.sum(waits, axis=-1, keepdims=True)


def backward_induction(means: Array, transitions: Array, length: int, slack: Array | None = None) -> Array:
    """Action values in known MDPs, by backward induction over an inner episode, as the family computes them.

    Args:
        means: Mean rewards (num, S, A), or by the steps of an inner episode (num, length, S, A).
        transitions: Probabilities of the next state (num, S, A, S).
        length: Steps of an inner episode.
        slack: How far the probabilities of a pair may be from those given, as a sum of absolute differences
            (num, S, A): the best probabilities within it are taken, at every step anew. None for those given.

    Returns:
        Expected returns of the rest of the episode (num, length, S, A): after ``t`` of its steps, in a state, by an
        action and the best play thereafter.
    """
    num, num_states, num_actions = transitions.shape[:3]
    # A matrix product takes a tenth of the time of the family's sums, which must not depend on the batch.
    laws = transitions.reshape(num, -1, num_states)
    values = np.empty((num, length, num_states, num_actions))
    best = np.zeros((num, num_states))
    for step in reversed(range(length)):
        following = (laws @ best[:, :, None]).reshape(num, num_states, num_actions)
        if slack is not None:
            following += _gain(transitions, slack, best)
        values[:, step] = (means if means.ndim == 3 else means[:, step]) + following
        best = np.max(values[:, step], axis=-1)
    return values


def _gain(transitions: Array, slack: Array, best: Array) -> Array:
    """What the values of next states (num, S) gain on average (num, S, A) by moving half the slack to the best state.

    What the best state gets is taken from the worst ones, as far as they have it: figure 2 of Jaksch et al. 2010.
    """
    order = np.argsort(best, axis=-1)
    ranked = np.take_along_axis(best, order, axis=-1)
    probs = np.take_along_axis(transitions, order[:, None, None, :], axis=-1)
    moved = np.minimum(slack / 2, 1.0 - probs[..., -1])[..., None]
    taken = np.minimum(np.cumsum(probs[..., :-1], axis=-1), moved)
    taken[..., 1:] -= taken[..., :-1].copy()
    return np.sum(taken * (ranked[:, -1:] - ranked[:, :-1])[:, None, None, :], axis=-1)


class EpisodePlanner(Learner):
    """A learner that plans at the start of every inner episode and follows that to the end, ties broken at random.

    Attributes:
        posterior: What it has learnt.
    """

    needs = ("state",)
    prior_mean: float | None = None
    prior_weight: float = 1.0
    posterior: Posterior

    def check(self, family: TaskFamily) -> None:
        """Serves tabular MDPs."""
        if not isinstance(family, TabularMDP):
            raise CannotServe(f"{self.name} serves tabular MDPs, and {type(family).__name__} is none.")

    def begin(self, family: TaskFamily, num: int, rng: np.random.Generator) -> None:
        """Begin with the prior."""
        self.check(family)
        assert isinstance(family, TabularMDP)
        self._family, self._rng = family, rng
        self.posterior = Posterior(family, num, prior_mean=self.prior_mean, prior_weight=self.prior_weight)
        self._state = family.initial_state(None, np.empty((num, 0)))
        self._everyone = np.arange(num)

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        # All lifetimes are of one length, and so stand at the same step.
        step = self._state[0, 0] % self._family.episode_length
        if step == 0:
            self._values = self._plan()
        values = self._values[self._everyone, step, self._state[:, 1]]
        return pick_best(values, self._rng)

    def learn(self, action: Array, outcome: Array, reward: Array) -> None:
        """Update the posterior."""
        place, self._state = self._state[:, 1], self._family.next_state(self._state, action, outcome)
        shown = self._state[0, 0] % self._family.episode_length != 0
        self.posterior.learn(place, action, reward, outcome[:, 0] if shown else None)

    @abstractmethod
    def _plan(self) -> Array:
        """Values of the actions (num, episode_length, S, A), as `backward_induction` gives them."""


class PSRL(EpisodePlanner):
    """Posterior sampling: draws an MDP from the posterior for each inner episode, and plays what is best in it.

    Source: Strens 2000; Osband, Russo & Van Roy 2013.

    Args:
        prior_mean: Mean of the prior of mean rewards; the family's own unless given.
    """

    name = "psrl"

    def __init__(self, *, prior_mean: float | None = None) -> None:
        self.prior_mean = _checked(prior_mean)

    def _plan(self) -> Array:
        return backward_induction(*self.posterior.sample(self._rng), self._family.episode_length)


class OptimisticPSRL(PSRL):
    """Posterior sampling that draws several MDPs, and values every action by the one in which it is worth most.

    Source: the variant of PSRL among the baselines of RL^2.

    Args:
        samples: MDPs drawn for each inner episode, at least 1; 1 is `psrl`.
        prior_mean: As of `psrl`.
    """

    name = "optimistic_psrl"

    def __init__(self, *, samples: float = 10, prior_mean: float | None = None) -> None:
        super().__init__(prior_mean=prior_mean)
        require(samples >= 1 and samples % 1 == 0, "samples", samples, "give a whole number of at least 1")
        self._samples = int(samples)

    def _plan(self) -> Array:
        values = super()._plan()
        for _ in range(self._samples - 1):
            np.maximum(values, super()._plan(), out=values)
        return values


class UCRL2(EpisodePlanner):
    """Optimism in the face of uncertainty: the best plausible MDP, for each inner episode.

    Means and transitions are those seen. With ``n`` visits of a pair, before episode ``k``, mean rewards reach up by
    ``scaling * noise_sd * sqrt(4 log(2 S A (k + 1) / delta) / n)``, and the probabilities of next states move by
    ``scaling * sqrt(4 S log(2 S A (k + 1) / delta) / n)``, as a sum of absolute differences. Source: Jaksch, Ortner &
    Auer 2010, in the form for inner episodes of a fixed length, and with the constants, of Osband's TabulaRL, which is
    what RL^2 compares with.

    Args:
        delta: Probability that the true MDP is ever left out, above 0 and below 1.
        scaling: Factor of both widths, at least 0; 1 is the theory's, and far too careful here.
        prior_mean: Mean reward of pairs that were never visited; the family's prior mean unless given.
    """

    name = "ucrl2"
    prior_weight = 1e-4

    def __init__(self, *, delta: float = 0.05, scaling: float = 0.1, prior_mean: float | None = None) -> None:
        require(0.0 < delta < 1.0, "delta", delta, "give a probability above 0 and below 1")
        require(0.0 <= scaling < np.inf, "scaling", scaling, "give a number of at least 0")
        self._delta, self._scaling, self.prior_mean = delta, scaling, _checked(prior_mean)

    def _plan(self) -> Array:
        means, slack = self._widen()
        return backward_induction(means, self.posterior.transitions(), self._family.episode_length, slack)

    def _widen(self) -> tuple[Array, Array]:
        """The highest plausible mean rewards, and how far the transitions may move, (num, S, A) each."""
        family, posterior = self._family, self.posterior
        episode = self._state[0, 0] // family.episode_length + 1
        logs = 4.0 * np.log(2.0 * family.num_pairs * (episode + 1) / self._delta)
        moves = np.sum(posterior.weights, axis=-1) - self.prior_weight * family.num_states
        width = self._scaling * family.noise_sd * np.sqrt(logs / np.maximum(posterior.visits, 1))
        slack = self._scaling * np.sqrt(family.num_states * logs / np.maximum(moves, 1))
        return posterior.rewards()[0] + width, slack


class BEB(EpisodePlanner):
    """Exploration bonuses: plans with posterior means, plus a bonus for pairs that were seldom seen.

    The bonus of a pair is ``beta / (1 + S + n)`` after ``n`` transitions seen from it: its weight in the prior and the
    posterior. Source: Kolter & Ng 2009, Bayesian exploration bonus.

    Args:
        beta: Size of the bonus, at least 0; 0 is `mdp_greedy`.
        prior_mean: As of `psrl`.
    """

    name = "beb"

    def __init__(self, *, beta: float = 10.0, prior_mean: float | None = None) -> None:
        require(0.0 <= beta < np.inf, "beta", beta, "give a number of at least 0")
        self._beta, self.prior_mean = beta, _checked(prior_mean)

    def _plan(self) -> Array:
        mean, bonus = self.posterior.rewards()[0], self._beta / (1.0 + np.sum(self.posterior.weights, axis=-1))
        return backward_induction(mean + bonus, self.posterior.transitions(), self._family.episode_length)


class MDPEpsilonGreedy(EpisodePlanner):
    """Epsilon-greedy: plans with posterior means alone, and sometimes acts at random; never as `mdp_greedy`.

    Source: baselines of RL^2.

    Args:
        epsilon: Probability of a random action, in [0, 1].
        prior_mean: As of `psrl`.
        prior_weight: Weight of the prior in what is believed, above 0: 1 is the family's own, and 0.0001 next to none.
    """

    name = "mdp_epsilon_greedy"

    def __init__(self, *, epsilon: float = 0.1, prior_mean: float | None = None, prior_weight: float = 1.0) -> None:
        require(0.0 <= epsilon <= 1.0, "epsilon", epsilon, "give a probability from 0 to 1")
        require(0.0 < prior_weight < np.inf, "prior_weight", prior_weight, "give a number above 0")
        self._epsilon, self.prior_mean, self.prior_weight = epsilon, _checked(prior_mean), prior_weight

    def act(self, observation: Array) -> Array:
        """Actions (num,)."""
        return explore(super().act(observation), self._epsilon, self._family.num_actions, self._rng)

    def _plan(self) -> Array:
        mean, transitions = self.posterior.rewards()[0], self.posterior.transitions()
        return backward_induction(mean, transitions, self._family.episode_length)


def _checked(prior_mean: float | None) -> float | None:
    require(prior_mean is None or np.isfinite(prior_mean), "prior_mean", prior_mean, "give a number")
    return prior_mean
