"""Figure 2f: agents of five priors in the tasks of all five; and the control of figure 2, with reward withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from meta_envs.family import Array, DiscreteFamily
from meta_envs.figures.claims import (
    Check,
    Measured,
    Verdict,
    above,
    difference,
    judge,
    measure,
    pool,
    rising,
    within,
)
from meta_envs.figures.figure import DECLARED, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.look import only_axes, style
from meta_envs.figures.panels.bandits import PRIORS, ROLES
from meta_envs.intervals import NORMAL, controlled_mean
from meta_envs.learners.learner import Learner
from meta_envs.plots import tidy
from meta_envs.registry import make_family
from meta_envs.solvers.bayes import Bayes
from meta_envs.solvers.dispatch import solve

INDEPENDENT, *DEPENDENT = PRIORS
"""Names of the priors."""
CHANCE = dict(zip(PRIORS, (100 / 6, 25.0, 40.0, 25.0, 10.0), strict=True))
"""Regret of play that knows nothing, by hand: 100 times E[max p - mean p], which is half of what the arms differ by."""
NEAR = 0.02
"""Relative error of what is still chance."""


def measure_matrix(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 2f: regret by the prior that agents, and optima, are made for, and by the one that they are tested on."""
    players: Mapping[tuple[str, str, str], Sequence[Learner]] = {
        ("agent", play, trained): agents for trained in PRIORS for play, agents in stage.plays(trained).items()
    } | {("bayes", DECLARED, trained): [Bayes(solve(id))] for trained, id in PRIORS.items()}
    final = {
        (*key, tested): lost.sum(axis=1)
        for tested, id in PRIORS.items()
        for key, lost in stage.regrets(players, id)[1].items()
    }
    cells = {key: measure(lost) for key, lost in final.items()}
    data = columns(
        ("learner", "play", "trained", "tested", "regret", "low", "high"),
        [(*key, cell.value, cell.low, cell.high) for key, cell in cells.items()],
    )
    agent = {key[2:]: lost for key, lost in final.items() if key[:2] == ("agent", DECLARED)}
    shown = {key[2:]: f"{cell.value:.2f}" for key, cell in cells.items() if key[:2] == ("agent", DECLARED)}
    claim = partial(judge, "2f", source="text")
    return data, [
        claim(
            "agents trained on dependent arms have regret easy < medium < hard",
            [check for trained in DEPENDENT for check in _rising_levels(agent, trained)],
            paper="easy < medium < hard",
            ours="; ".join(
                f"{trained}: {' < '.join(shown[trained, level] for level in ('easy', 'medium', 'hard'))}"
                for trained in DEPENDENT
            ),
        ),
        claim(
            "on dependent arms, agents trained on independent ones are worse than those trained there",
            [_compare(agent, tested, (INDEPENDENT, tested)) for tested in DEPENDENT],
            paper="worse",
            ours=_tell(shown, [(INDEPENDENT, tested, tested) for tested in DEPENDENT]),
        ),
        claim(
            "on independent arms, agents trained on dependent ones are worse than those trained there",
            [_compare(agent, INDEPENDENT, (trained, INDEPENDENT)) for trained in DEPENDENT],
            paper="worse",
            ours=_tell(shown, [(trained, INDEPENDENT, INDEPENDENT) for trained in DEPENDENT]),
        ),
        judge_optima([PRIORS[name] for name in DEPENDENT]),
    ]


def _rising_levels(regret: dict[tuple[str, str], Array], trained: str) -> list[Check]:
    return rising({f"{trained} on {tested}": regret[trained, tested] for tested in ("easy", "medium", "hard")})


def _compare(regret: dict[tuple[str, str], Array], tested: str, rows: tuple[str, str]) -> Check:
    """Whether the agents of the first row are worse than those of the second."""
    more, less = rows
    return above(f"{more} - {less} on {tested}", difference(regret[more, tested], regret[less, tested]))


def _tell(shown: dict[tuple[str, str], str], cells: Sequence[tuple[str, str, str]]) -> str:
    return "; ".join(
        f"on {tested}: {more} {shown[more, tested]}, {less} {shown[less, tested]}" for more, tested, less in cells
    )


def judge_optima(ids: Sequence[str | DiscreteFamily]) -> Verdict:
    """Whether the optima of dependent arms are one policy, and meet nothing that their priors call impossible."""
    found = [compare_to_counting(id) for id in ids]
    differing, beliefs = sum(each[0] for each in found), sum(each[1] for each in found)
    lowest = min(each[2] for each in found)
    share = differing / beliefs
    return judge(
        "2f",
        "the optima of all dependent priors are one policy, so that their rows are the same",
        [
            within("share of beliefs in which they differ", Measured(share, share, share, 0), 0.0, error=0.0),
            above("least probability of an outcome", Measured(lowest, lowest, lowest, 0)),
        ],
        source="computed",
        paper="not in the paper",
        ours=f"they differ in {differing:,} of {beliefs:,} beliefs; no outcome is less probable than {lowest:.4f}",
    )


def compare_to_counting(id: str | DiscreteFamily) -> tuple[int, int, float]:
    """An optimum of dependent arms beside the policy that pulls the arm with more evidence, of equals the first.

    With a prior that is the same for p and 1 - p, the posterior mean of the first arm is above one half if and only if
    there is more evidence for it. So the optimum is that policy whatever else the prior is.

    Args:
        id: Two dependent arms.

    Returns:
        In how many beliefs the two differ, of how many, and the least probability that the prior gives to an outcome.
    """
    family, optimum = make_family(id), solve(id).table
    assert isinstance(family, DiscreteFamily)
    assert optimum is not None
    nodes, differing, total, lowest = optimum.start(1), 0, 0, 1.0
    for step in range(family.horizon):
        first = np.arange(step + 1)  # pieces of evidence for the first arm
        belief, state = np.stack([first, step - first], axis=-1), np.zeros((step + 1, 0))
        differing += int(np.sum(optimum.action(step, nodes) != (first < step - first)))
        total += len(first)
        arm = np.zeros(step + 1, np.intp)
        lowest = min(lowest, float(family.predict(belief, state, arm).min()))
        # A pull of the first arm that does not pay is evidence for the second.
        unpaid, paid = optimum.follow(step, nodes, arm, arm), optimum.follow(step, nodes[-1:], arm[-1:], arm[-1:] + 1)
        nodes = np.concatenate([unpaid, paid])
    return differing, total, lowest


def draw_matrix(place: Any, data: Data) -> None:
    """Cells with the agents' regret, and below it that of the optimum for the same prior."""
    axes = only_axes(place, "agents (bold) and optima")
    agent, best = (_square(where(data, learner=name, play=DECLARED)) for name in ("agent", "bayes"))
    shade = np.log(agent)
    axes.imshow(shade, cmap="Blues", aspect="auto")
    for row, column in np.ndindex(agent.shape):
        at = {"ha": "center", "color": "white" if shade[row, column] > (shade.min() + shade.max()) / 2 else "black"}
        axes.text(column, row, f"{agent[row, column]:.2f}", va="bottom", fontsize=6.5, fontweight="bold", **at)
        axes.text(column, row, f"{best[row, column]:.2f}", va="top", fontsize=6, **at)
    names = ["indep.", "unif.", "easy", "med.", "hard"]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(False)


def _square(shown: Data) -> Array:
    """Regret, rows by training and columns by test."""
    return np.array([[where(shown, trained=row, tested=column)["regret"][0] for column in PRIORS] for row in PRIORS])


def measure_control(stage: Stage) -> tuple[Data, list[Verdict]]:
    """The control of figure 2: agents that do not see rewards."""
    found: dict[tuple[str, str], Measured] = {}
    for prior, id in PRIORS.items():
        task, regrets = stage.regrets(stage.plays(WITHHELD[prior].name), id)
        for play, lost in regrets.items():
            found[prior, play] = measure_beside_chance(lost.sum(axis=1), task, CHANCE[prior])
    data = columns(
        ("learner", "play", "prior", "regret", "low", "high", "chance"),
        [
            ("reward withheld", play, prior, each.value, each.low, each.high, CHANCE[prior])
            for (prior, play), each in found.items()
        ],
    )
    return data, [
        judge(
            "2-control",
            "with reward withheld, regret is at chance on all arms, easy ones too",
            [
                within(f"regret on {prior}", found[prior, DECLARED], round(chance, 2), NEAR * chance)
                for prior, chance in CHANCE.items()
            ],
            source="text",
            paper=" / ".join(f"{chance:.4g}" for chance in CHANCE.values()) + " (by hand)",
            ours=" / ".join(f"{found[prior, DECLARED].value:.4g}" for prior in CHANCE),
        )
    ]


def measure_beside_chance(regret: Array, task: Array, chance: float) -> Measured:
    """Mean regret, without the chance of which tasks are drawn.

    Two things are known of the tasks' means (lifetimes, 2), and are control variates: neither arm is the better one in
    the mean, and the regret of random play has the mean ``chance``.
    """
    lean = 50.0 * (task[:, 0] - task[:, 1])
    # Where all tasks are as hard, rounding alone would be left, and would be fitted.
    variates = np.column_stack([lean, np.round(np.abs(lean) - chance, 9)])
    means = [controlled_mean(values, variates) for values in regret]
    return pool(
        [Measured(mean, mean - NORMAL * error, mean + NORMAL * error, regret.shape[1]) for mean, error in means]
    )


def draw_control(place: Any, data: Data) -> None:
    """A bar for each prior, and chance."""
    axes = place.subplots()
    tidy(axes, "reward withheld from the input")
    shown = where(data, play=DECLARED)
    at, height = np.arange(len(shown["prior"])), shown["regret"]
    error = np.maximum([height - shown["low"], shown["high"] - height], 0.0)
    look = {"color": style("reward withheld")["color"], "error_kw": {"linewidth": 0.8}}
    axes.bar(at, height, 0.6, yerr=error, label="agent (line: 95 % interval)", **look)
    axes.plot(at, shown["chance"], "_", color="black", markersize=22, label="chance, by hand")
    axes.set_xticks(at, shown["prior"])
    axes.set_xlabel("trained and tested on")
    axes.set_ylabel("regret after 100 trials")
    axes.set_ylim(0, 52)
    axes.legend(frameon=False, loc="upper right")


WITHHELD = {
    name: Role(f"reward withheld: {name}", id, "no-reward", settings={"reward": False}) for name, id in PRIORS.items()
}
FIGURES = (
    PaperFigure(
        name="2f",
        title="Regret of agents trained on each of five priors and tested on all five, and of their optima",
        measure=measure_matrix,
        draw=draw_matrix,
        roles=tuple(ROLES.values()),
        episodes=1000,
        seconds=15,
        differs=(
            "Below the agents' numbers stand those of the exact optima of the rows' priors. The four rows of dependent "
            "arms coincide there: if a prior is the same for p and 1 - p, the optimum pulls the arm with more "
            "evidence, and nothing else of the prior counts. The command goes through all beliefs to show it. After "
            "what its prior calls impossible, an optimum here would pull arm 1 to the end. It never has to: under each "
            "of the five priors all sequences of pay-offs are possible."
        ),
    ),
    PaperFigure(
        name="2-control",
        title="The same with reward withheld from the input",
        measure=measure_control,
        draw=draw_control,
        roles=tuple(WITHHELD.values()),
        seconds=5,
        differs="The paper says it in words. Chance by hand: 100 trials times half of the mean difference of the arms.",
    ),
)
