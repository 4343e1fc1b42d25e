"""Figure 6: Harlow's task, in pixels and in symbols, on images that were held out of training."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from meta_envs.behaviour import choices_of_images, record_trials
from meta_envs.family import Array
from meta_envs.figures.claims import Measured, Verdict, judge, measure, within
from meta_envs.figures.figure import DECLARED, OTHER, Data, PaperFigure, Role, Stage, columns, where
from meta_envs.figures.kept import read_kept
from meta_envs.figures.look import AGENT, legend_below, only_axes
from meta_envs.learners.learner import Learner
from meta_envs.plots import tidy

NUM_TRIALS = 10
OPTIMUM = 9
"""Reward of a lifetime without that for fixation: 0 in the mean for the first choice, 1 for each of the others."""
SYMBOLS, PIXELS = "MetaHarlow-Symbolic-v0", "MetaHarlow-v0"
FINAL = {"symbols": Role("symbols", SYMBOLS), "pixels": Role("pixels", PIXELS)}
"""By task."""
ALONG = {
    "symbols": Role("symbols along training", SYMBOLS, snapshots=8, kept=True),
    "pixels": Role("pixels along training", PIXELS, snapshots=8, kept=True),
}
FEWER = {("symbols along training", DECLARED): 10, ("pixels along training", DECLARED): 100, ("pixels", OTHER): 10}
"""By role and play, by how much fewer lifetimes are measured where they take long: most of all before a choice was ever
made."""


class Choices(NamedTuple):
    """Whether the rewarded image was chosen (lifetimes, trials), NaN where none was; and what the choice paid."""

    correct: Array
    reward: Array

    @property
    def later(self) -> Array:
        """P(rewarded image) in trials 2 and later (lifetimes,); one that was not reached was not correct."""
        return np.nan_to_num(self.correct[:, 1:]).mean(axis=1)


def choose(learner: Learner, id: str, episodes: int, seed: int) -> Choices:
    """What a learner chooses in held-out lifetimes."""
    return _choose(learner, getattr(learner, "play", ""), id, episodes, seed)


@lru_cache(maxsize=64)  # several panels show the same lifetimes
def _choose(learner: Learner, play: str, id: str, episodes: int, seed: int) -> Choices:
    table = choices_of_images(record_trials(learner, id, episodes=episodes, seed=seed, split="test"))
    place = table["lifetime"], table["trial"] - 1
    correct, reward = np.full((episodes, NUM_TRIALS), np.nan), np.zeros((episodes, NUM_TRIALS))
    made = np.isin(table["reward"], (1.0, -1.0))
    correct[place], reward[place] = table["correct"], np.where(made, table["reward"], 0.0)
    return Choices(correct, reward)


def count(stage: Stage, role: Role, play: str = DECLARED) -> int:
    """Lifetimes in which a role is measured."""
    return max(2, stage.episodes // FEWER.get((role.name, play), 1))


def _moments(stage: Stage, task: str) -> list[tuple[Role, str, int, list[Choices]]]:
    """Role, play, steps and choices of the agents at every moment of training, and at its end."""
    found = []
    for role in (ALONG[task], FINAL[task]):
        for play, players in stage.plays(role.name).items():
            by_steps: dict[int, list[Learner]] = {}
            for player in players if role is FINAL[task] or play == DECLARED else []:
                by_steps.setdefault(steps_of(player), []).append(player)
            for steps, agents in sorted(by_steps.items()):
                lived = [choose(agent, role.id, count(stage, role, play), stage.seed) for agent in agents]
                found.append((role, play, steps, lived))
    return found


def steps_of(player: Learner) -> int:
    """Of its training; 0 where there was none."""
    return getattr(getattr(player, "card", None), "steps", 0) or 0


def with_kept(figure: str, names: tuple[str, ...], rows: list[tuple[Any, ...]], roles: list[Role]) -> Data:
    """Columns of rows, and the kept numbers of roles that nobody played."""
    data = columns(names, rows) if rows else {name: np.empty(0) for name in names}
    played = set(data["role"].tolist())
    parts = [data, *(read_kept(figure, role.name) for role in roles if role.name not in played)]
    parts = [part for part in parts if part and len(part["role"])]
    return {name: np.concatenate([part[name] for part in parts]) for name in names} if parts else data


def measure_training(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 6d: reward of a lifetime without that for fixation, against training."""
    rows, verdicts = [], []
    for task, end in FINAL.items():
        for role, play, steps, lived in _moments(stage, task):
            found = measure(np.stack([each.reward.sum(axis=1) for each in lived]))
            rows.append((role.name, task, play, steps, found.value, found.low, found.high))
            if role is end and play == DECLARED:
                verdicts.append(_judge_reward(task, measure(np.stack([each.reward.mean(axis=1) for each in lived]))))
    names = ("role", "task", "play", "steps", "reward", "low", "high")
    return with_kept("6d", names, rows, list(ALONG.values())), verdicts


def _judge_reward(task: str, reward: Measured) -> Verdict:
    """Whether it is the optimum's, a trial."""
    return judge(
        "6d",
        f"{task}: reward reaches the optimum",
        [within("reward per trial without that for fixation", reward, OPTIMUM / NUM_TRIALS)],
        source="text",
        paper="9 in 10 trials",
        ours=f"{NUM_TRIALS * reward.value:.2f} in {NUM_TRIALS} trials; {reward.show(3)} a trial",
    )


def draw_training(place: Any, data: Data) -> None:
    """A curve of one training a task, the agents at the end, and the optimum."""
    axes = only_axes(place, "Training")
    for task, look in LOOKS.items():
        shown = where(data, task=task, play=DECLARED, role=ALONG[task].name)
        order = np.argsort(shown["steps"], kind="stable")
        steps, reward, low, high = (shown[name][order] for name in ("steps", "reward", "low", "high"))
        axes.plot(steps / 1e6, reward, marker=".", markersize=4, label=task, **look)
        axes.fill_between(steps / 1e6, low, high, color=look["color"], alpha=0.15, linewidth=0)
        end = where(data, task=task, play=DECLARED, role=FINAL[task].name)
        error = np.maximum([end["reward"] - end["low"], end["high"] - end["reward"]], 0.0)
        axes.errorbar(end["steps"] / 1e6, end["reward"], error, fmt="D", markersize=3.5, **look)
    axes.axhline(OPTIMUM, color="black", linestyle="--", linewidth=0.8, label="optimum")
    axes.fill_between([], [], color="0.8", label="95 % interval")
    axes.plot([], [], "D", color="0.4", markersize=3.5, label="at the end")
    axes.set_xlabel("training (million steps)")
    axes.set_ylabel("reward in 10 trials\nbut for fixation")
    place.legend(frameon=False, loc="outside lower center", ncols=2, columnspacing=0.8, handlelength=1.5)


LOOKS: dict[str, dict[str, Any]] = {
    "pixels": {"color": AGENT, "linestyle": "-"},
    "symbols": {"color": "#6BAED6", "linestyle": "--"},
}


def measure_trials(stage: Stage) -> tuple[Data, list[Verdict]]:
    """Figure 6f: P(rewarded image) by trial, at moments of training and at its end."""
    rows, verdicts = [], []
    for task, end in FINAL.items():
        for role, play, steps, lived in _moments(stage, task):
            for trial in range(NUM_TRIALS):
                correct = np.stack([each.correct[:, trial] for each in lived])
                reached = np.isfinite(correct).all(axis=0)
                if 2 * reached.sum() >= max(4, len(reached)):
                    found = measure(correct[:, reached])
                    shown = (trial + 1, found.value, found.low, found.high, found.lifetimes)
                    rows.append((role.name, task, play, steps, *shown))
            if role is end and play == DECLARED:
                verdicts += _judge_trials(task, lived)
    names = ("role", "task", "play", "steps", "trial", "correct", "low", "high", "lifetimes")
    return with_kept("6f", names, rows, list(ALONG.values())), verdicts


def _judge_trials(task: str, lived: list[Choices]) -> list[Verdict]:
    """Whether the first choice is a guess and the others are right."""
    first = measure(np.stack([np.nan_to_num(each.correct[:, 0]) for each in lived]))
    second = measure(np.stack([np.nan_to_num(each.correct[:, 1]) for each in lived]))
    later = measure(np.stack([each.later for each in lived]))
    claim = partial(judge, "6f", source="text; figure, 2018")
    return [
        claim(
            f"{task}: the first choice is at chance",
            [within("P(rewarded image) in trial 1", first, 0.5)],
            paper="chance (2018: about .53)",
            ours=first.show(3),
        ),
        claim(
            f"{task}: from trial 2 on choices are at ceiling",
            [
                within("P(rewarded image) in trial 2", second, 1.0),
                within("P(rewarded image) in trials 2 to 10", later, 1.0),
            ],
            paper="ceiling (2018: about .97 to .99)",
            ours=f"trial 2 {second.show(3)}, trials 2 to 10 {later.show(3)}",
        ),
    ]


def draw_trials(place: Any, data: Data) -> None:
    """A panel a task: a line a moment, the darker the later, and the agent at the end."""
    from matplotlib import colormaps

    grid = place.subplots(1, 2, sharey=True)
    for axes, task in zip(grid, FINAL, strict=True):
        tidy(axes, task)
        along = where(data, task=task, role=ALONG[task].name, play=DECLARED)
        moments = np.unique(along["steps"])
        spread = np.linspace(0, len(moments) - 1, 5)[: min(4, len(moments))].astype(np.intp)
        for number, steps in enumerate(moments[spread]):
            shown = where(along, steps=steps)
            label = "during training, the darker the later" if number == 3 else ""
            look = {"color": colormaps["Greys"](0.35 + 0.15 * number), "label": label}
            axes.plot(shown["trial"], shown["correct"], marker=".", markersize=4, **look)
        end = where(data, task=task, role=FINAL[task].name, play=DECLARED)
        error = np.maximum([end["correct"] - end["low"], end["high"] - end["correct"]], 0.0)
        axes.errorbar(end["trial"], end["correct"], error, marker=".", label=f"{task}, at the end", **LOOKS[task])
        axes.axhline(0.5, color="black", linestyle=":", linewidth=0.8)
        axes.set_xticks((1, *range(2, NUM_TRIALS + 1, 2)))
        after = [f"{steps / 1e6:.2f}" for steps in moments[spread]]
        axes.set_xlabel(f"trial\n(grey: {', '.join(after[:2])},\n{', '.join(after[2:])} M steps)" if after else "trial")
        axes.set_ylim(0.0, 1.04)
    grid[0].set_ylabel("P(rewarded image),\nheld-out images")
    legend_below(place, grid, 1)


PLAYING = tuple(role for roles in (FINAL, ALONG) for role in roles.values())
FIGURES = (
    PaperFigure(
        name="6d",
        title="Harlow's task: reward during training",
        measure=measure_training,
        draw=draw_training,
        roles=PLAYING,
        episodes=10_000,
        seconds=400,
        width=2.1,
        differs="The task in symbols stands beside that in pixels. Moments of training in pixels, whose agents are too "
        "large to ship, are numbers that ship with the package. Moments are of one training and play sampled, agents "
        "at the end, in symbols of five trainings, as they declare. Bands and lines are 95 % intervals. In pixels one "
        "choice in forty is still wrong at the end, where it costs 2. Longer training was not tried.",
    ),
    PaperFigure(
        name="6f",
        title="Harlow's task: P(rewarded image) by trial",
        measure=measure_trials,
        draw=draw_trials,
        roles=PLAYING,
        episodes=10_000,
        seconds=400,
        width=3.0,
        differs="As of 6d. A trial that was not reached counts as not correct in the verdicts. Lines leave such trials "
        "out, and are of trials that at least half of the lifetimes reached. In pixels there were 400 lifetimes at "
        "first, which cannot tell chance to within .02; so there are more.",
    ),
)
