"""Pictures, texts and windows of lifetimes."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from families import small
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

import meta_envs
from meta_envs.envs.single import MetaEnv
from meta_envs.families.dependent import DependentBandit
from meta_envs.families.independent import IndependentBandit
from meta_envs.family import Array, DiscreteFamily, TaskFamily
from meta_envs.rendering import Trace, Viewer, theme
from meta_envs.rendering.painters import PAINTERS, Painter, find_painter
from meta_envs.rendering.summary import summarise
from meta_envs.testing.playing import difference

WIDTH, HEIGHT = theme.SIZE
BANDIT = "MetaBandit-Independent-v0"


@dataclass(frozen=True, kw_only=True)
class SignedBandit(IndependentBandit):
    """A bandit that takes as well as gives."""

    @property
    def reward_values(self) -> tuple[float, ...]:
        return (-1.0, 1.0)

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return 2.0 * outcome - 1.0


@dataclass(frozen=True, kw_only=True)
class TwoPlaces(IndependentBandit):
    """Two states, and trials of two steps each."""

    def states(self) -> Array:
        return np.array([[0.0], [1.0]])

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 1))

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return (state + 1.0) % 2.0

    def elapsed(self, steps: Array) -> Array:
        return (steps // 2) / (self.horizon // 2)


@dataclass(frozen=True, kw_only=True)
class Unbounded(TaskFamily):
    """Continuous actions and rewards without bounds, as a family from outside the package might have."""

    task_names = ("centre",)
    horizon: int = 20
    num_task_chance: int = 1
    action_space: ClassVar[spaces.Space[Any]] = spaces.Box(-1.0, 1.0, (2,))
    observation_space: ClassVar[spaces.Space[Any]] = spaces.Box(-1.0, 1.0, (1,))

    def sample_task(self, chance: Array) -> Array:
        return 100.0 * chance

    def in_support(self, task: Array) -> Array:
        return np.ones(len(task), dtype=bool)

    def initial_state(self, task: Any, chance: Array) -> Array:
        return np.zeros((len(chance), 0))

    def outcome(self, task: Array, state: Array, action: Array, chance: Array) -> Array:
        return task[:, 0] * (chance[:, 0] - 0.4)

    def next_state(self, state: Array, action: Array, outcome: Array) -> Array:
        return state

    def reward(self, state: Array, action: Array, outcome: Array) -> Array:
        return outcome

    def observe(self, task: Any, state: Array) -> Array:
        return np.zeros((len(state), 1), np.float32)


FAMILIES = {
    **{id: meta_envs.make_family(id, **small(id)) for id in meta_envs.ids()},
    "one arm, one trial": IndependentBandit(num_arms=1, num_trials=1),
    "50 arms, 500 trials": IndependentBandit(num_arms=50, num_trials=500),
    "500 arms, 3 trials": IndependentBandit(num_arms=500, num_trials=3),
    "signed": SignedBandit(num_arms=3, num_trials=30),
    "two places": TwoPlaces(num_arms=4, num_trials=20),
    "unbounded": Unbounded(),
    "3600 steps": Unbounded(horizon=3600),
}
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)

TABLES = {
    name: family for name, family in FAMILIES.items() if find_painter(family) is PAINTERS["meta_envs.family:TaskFamily"]
}
"""Families that have no picture of their own."""
every_table = pytest.mark.parametrize("family", TABLES.values(), ids=TABLES)


def random_trace(family: TaskFamily, steps: int | None = None, seed: int = 3) -> Trace:
    """A lifetime of random actions: its first steps, or all."""
    env = MetaEnv(family, render_mode="ansi")
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(family.horizon if steps is None else steps):
        if env.step(env.action_space.sample())[2]:
            break
    trace = env._trace
    assert trace is not None
    return trace


def picture(family: TaskFamily, trace: Trace) -> Array:
    """The picture of a lifetime, from a viewer of its own."""
    shown = Viewer(family, 4).show(trace, "rgb_array")
    assert isinstance(shown, np.ndarray)
    return shown


def text(family: TaskFamily, trace: Trace) -> str:
    """The text of a lifetime."""
    shown = Viewer(family, 4).show(trace, "ansi")
    assert isinstance(shown, str)
    return shown


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The display module of pygame, on a display that nobody sees."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import pygame

    pygame.display.quit()
    yield pygame.display
    pygame.display.quit()


@every_family
def test_pictures_are_fresh_arrays_of_one_size(family: TaskFamily) -> None:
    """A picture is a C-contiguous (H, W, 3) uint8 array that shares no memory with the next one."""
    trace, viewer = random_trace(family, min(10, family.horizon)), Viewer(family, 4)
    first, second = (viewer.show(trace, "rgb_array") for _ in range(2))
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    assert first.flags.writeable
    np.testing.assert_array_equal(first, second)
    first[:] = 0
    assert second.any()
    np.testing.assert_array_equal(viewer.show(trace, "rgb_array"), second)


@every_family
def test_nothing_leaves_the_picture(family: TaskFamily) -> None:
    """At the beginning, on the way and at the end the outermost pixels stay blank."""
    for steps in (0, family.horizon // 2, family.horizon):
        shown = picture(family, random_trace(family, steps))
        inner = shown[8:-8, 8:-8]
        assert (inner != theme.PAPER).any()
        assert np.array_equal(np.pad(inner, ((8, 8), (8, 8), (0, 0)), constant_values=255), shown)


@every_table
def test_each_step_leaves_a_mark_in_the_history(family: TaskFamily) -> None:
    """Below the gauges every step inks pixels in the colours of rewards, until steps outnumber pixels."""
    if family.horizon > 500:
        pytest.skip("more steps than pixels")
    whole = random_trace(family)
    trace, inked = Trace(whole.task, whole.states[:1]), -1
    packing = np.array([1 << 16, 1 << 8, 1])
    for event in list(zip(whole.actions, whole.outcomes, whole.states[1:], whole.rewards, strict=True))[:40]:
        shown = picture(family, trace)[200:366, theme.LEFT : theme.RIGHT]
        marks = np.isin(shown @ packing, theme.LEVELS @ packing).sum()
        assert marks > inked
        inked = marks
        trace.add(*event, over=False)


@every_family
def test_the_hidden_task_is_shown_at_the_end_only(family: TaskFamily) -> None:
    """With the same history in two tasks, pictures and texts agree before the end, and differ after it."""
    here = random_trace(family)
    there = copy.deepcopy(here)
    others = (random_trace(family, 0, seed=seed).task for seed in range(8, 30))
    there.task = next(task for task in others if not np.array_equal(task, here.task))
    if not isinstance(family, DiscreteFamily):
        seen = [[family.observe(trace.task[None], state[None]) for state in trace.states] for trace in (here, there)]
        if difference(*seen):
            pytest.skip("the learner itself sees some of the task")
    earlier = [
        Trace(trace.task, trace.states[:-1], trace.actions[:-1], trace.outcomes[:-1], trace.rewards[:-1])
        for trace in (here, there)
    ]
    np.testing.assert_array_equal(*(picture(family, trace) for trace in earlier))
    assert text(family, earlier[0]) == text(family, earlier[1])
    assert text(family, here) != text(family, there)
    assert not np.array_equal(picture(family, here), picture(family, there))


def test_the_truth_has_its_own_colour() -> None:
    """Marks in the colour of the truth are few before the end, when only its name and question marks stand there."""
    family = IndependentBandit(num_arms=3, num_trials=20)
    trace = random_trace(family)
    after = (picture(family, trace) == theme.TRUTH).all(axis=-1).sum()
    trace.over = False
    before = (picture(family, trace) == theme.TRUTH).all(axis=-1).sum()
    assert after > 4 * before


@every_family
def test_text_fits_into_80_columns(family: TaskFamily) -> None:
    """Texts are lines of at most 80 characters without escape sequences, that end with a newline."""
    for steps in (0, family.horizon // 2, family.horizon):
        shown = text(family, random_trace(family, steps))
        assert max(map(len, shown.splitlines())) <= 80
        assert "\x1b" not in shown
        assert shown.endswith("\n")


@every_table
def test_text_tells_trial_and_reward(family: TaskFamily) -> None:
    """The text has the trial, the total reward and one line an action."""
    trace = random_trace(family)
    shown = text(family, trace)
    trials = len(set(family.elapsed(np.arange(1, family.horizon + 1)).tolist()) - {0.0})
    assert f"trial {trials} / {trials}, reward" in shown
    columns = family.action_space.n if isinstance(family.action_space, spaces.Discrete) else 1
    assert len(shown.splitlines()) == 3 + columns


def test_text_counts_pulls_and_pays() -> None:
    """A known history of two arms gives its counts, means, blocks and, at the end, the better arm."""
    family = DependentBandit(num_trials=4)
    nowhere = np.zeros(0)
    trace = Trace(np.array([0.25, 0.75]), [nowhere])
    for action, reward in ((0, 0.0), (1, 1.0), (1, 0.0)):
        trace.add(action, int(reward), nowhere, reward, over=False)
    lines = text(family, trace).splitlines()
    assert lines[:2] == ["Dependent bandit: trial 3 / 4, reward 1", "last: arm 2, reward 0"]
    assert [line.split() for line in lines[3:]] == [["1", "1", "0.00", "?", "▁··"], ["2", "2", "0.50", "?", "·█▁"]]
    trace.add(1, 1, nowhere, 1.0, over=True)
    lines = text(family, trace).splitlines()
    assert lines[:2] == ["Dependent bandit: trial 4 / 4, reward 2", "over; best arm: 2"]
    assert [line.split() for line in lines[3:]] == [
        ["1", "1", "0.00", "0.25", "▁···"],
        ["2", "3", "0.67", "0.75", "*", "·█▁█"],
    ]


def test_a_step_may_be_less_than_a_trial() -> None:
    """In a family with two steps a trial, three steps are one trial."""
    family = TwoPlaces(num_arms=4, num_trials=20)
    assert "trial 1 / 10," in text(family, random_trace(family, 3))


def test_the_look_is_legible() -> None:
    """Texts have at least the contrast 4.5 that WCAG asks for, and low and high rewards differ in lightness alone."""

    def luminance(color: theme.Color) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: theme.Color, other: theme.Color) -> float:
        dark, light = sorted((luminance(one), luminance(other)))
        return (light + 0.05) / (dark + 0.05)

    assert min(contrast(color, theme.PAPER) for color in (theme.INK, theme.FAINT, theme.TRUTH)) >= 4.5
    assert contrast(theme.LOW, theme.HIGH) >= 3
    assert min(theme.TITLE, theme.BODY, theme.LABEL) >= 18


def test_a_family_may_have_its_own_painter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painter serves a family and what derives from it; the others keep the general one."""
    own = Painter(text=lambda family, trace: "mine")
    monkeypatch.setitem(PAINTERS, "meta_envs.families.independent:IndependentBandit", own)
    assert find_painter(IndependentBandit()) is find_painter(SignedBandit()) is own
    assert find_painter(DependentBandit()) is find_painter(Unbounded()) is PAINTERS["meta_envs.family:TaskFamily"]
    env = gym.make(BANDIT, render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == "mine"


def run_alone(program: str, **variables: str) -> None:
    """Run a program in a fresh interpreter, warnings as errors."""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=True, env={**os.environ, **variables}, timeout=60
    )


def test_importing_the_package_does_not_import_pygame() -> None:
    """Neither the import nor an environment without pictures, nor its text, loads pygame."""
    run_alone(
        "import sys, gymnasium, meta_envs\n"
        f"env = gymnasium.make({BANDIT!r}, render_mode='ansi'); env.reset(seed=1); env.step(0); env.render()\n"
        "assert 'pygame' not in sys.modules"
    )


def test_pictures_need_no_display() -> None:
    """Pictures are drawn where there is no display at all, and none is opened."""
    run_alone(
        "import gymnasium, meta_envs\n"
        f"env = gymnasium.make({BANDIT!r}, render_mode='rgb_array'); env.reset(seed=1); env.step(0)\n"
        "assert env.render().shape[2] == 3\n"
        "import pygame\n"
        "assert not pygame.display.get_init()",
        SDL_VIDEODRIVER="there is none",
        DISPLAY="",
    )


def test_vector_environments_give_one_picture_a_copy() -> None:
    """The native vector environment's pictures and texts are those of single environments, in order."""
    for mode in ("rgb_array", "ansi"):
        venv = gym.make_vec(BANDIT, num_envs=3, render_mode=mode)
        singles = [gym.make(BANDIT, render_mode=mode) for _ in range(3)]
        venv.reset(seed=5)
        for index, env in enumerate(singles):
            env.reset(seed=5 + index)
        for actions in ([0, 1, 0], [1, 1, 0]):
            venv.step(np.array(actions))
            for env, action in zip(singles, actions, strict=True):
                env.step(action)
        shown: Any = venv.render()
        assert isinstance(shown, tuple)
        assert len(shown) == 3
        for one, env in zip(shown, singles, strict=True):
            np.testing.assert_array_equal(one, env.render())
        venv.close()


def test_gymnasium_finds_nothing_wrong(display: Any) -> None:
    """Gymnasium's checker accepts all render modes."""
    check_env(gym.make(BANDIT, num_trials=5, render_mode="rgb_array").unwrapped)


def look(viewer: Any) -> np.ndarray | None:
    """What a viewer's window shows, (height, width, 3) uint8; None where it has none."""
    import pygame

    window = viewer._window._window
    return None if window is None else pygame.surfarray.array3d(window.get_surface()).swapaxes(0, 1)


def test_the_window_opens_updates_and_closes(display: Any) -> None:
    """A window shows the lifetime's own picture after every step, and closing the environment closes it, also twice."""
    env = MetaEnv(IndependentBandit(num_trials=3), render_mode="human")
    assert not display.get_init()
    env.reset(seed=1)
    for action in (0, 1):
        env.step(action)
        trace = env._trace
        assert trace is not None
        assert len(trace.actions) == action + 1
        assert env.render() is None
        np.testing.assert_array_equal(look(env._viewer), picture(env.family, trace))
    assert env._viewer is not None
    assert env._viewer._window._window.title == "Independent bandit"  # type: ignore[union-attr]
    for _ in range(2):
        env.close()
        assert look(env._viewer) is None


@pytest.mark.parametrize("first", [0, 1])
def test_closing_one_window_leaves_the_others_open(first: int, display: Any) -> None:
    """Each environment has a window of its own, which goes on to show its own lifetime."""
    envs: list[Any] = [MetaEnv(family, render_mode="human") for family in (IndependentBandit(), DependentBandit())]
    for env in envs:
        env.reset(seed=1)
    envs[first].close()
    other = envs[1 - first]
    other.step(1)
    np.testing.assert_array_equal(look(other._viewer), picture(other.family, other._trace))
    assert look(envs[first]._viewer) is None
    other.close()


@pytest.mark.parametrize("ours_first", [True, False])
def test_closing_a_window_leaves_another_programs_open(ours_first: bool, display: Any) -> None:
    """Gymnasium's own environments draw on pygame's one display, whoever was first; what they close, opens again."""
    pole, env = gym.make("CartPole-v1", render_mode="human"), MetaEnv(IndependentBandit(), render_mode="human")
    for each in (env, pole) if ours_first else (pole, env):
        each.reset(seed=1)
    screen = display.get_surface()
    before = screen.copy()
    env.close()
    assert display.get_surface() is screen
    assert screen.get_view("2").raw == before.get_view("2").raw
    for _ in range(3):
        pole.step(0)
    env.reset(seed=1)
    pole.close()
    env.step(1)
    np.testing.assert_array_equal(look(env._viewer), picture(env.family, env._trace))  # type: ignore[arg-type]
    env.close()


def test_a_window_closed_by_its_user_is_the_one_that_closes(display: Any) -> None:
    """The other windows go on."""
    import pygame

    family = IndependentBandit()
    trace, viewers = random_trace(family, 3), [Viewer(family, 100) for _ in range(2)]
    for viewer in viewers:
        viewer.show(trace, "human")
    pygame.event.post(pygame.event.Event(pygame.WINDOWCLOSE, window=viewers[1]._window._window))
    for viewer in viewers:
        viewer.show(trace, "human")
    assert [look(viewer) is None for viewer in viewers] == [False, True]
    viewers[0].close()


def test_the_window_keeps_its_pace(display: Any) -> None:
    """Pictures stand for the given time."""
    family = IndependentBandit()
    viewer, trace = Viewer(family, 50), random_trace(family, 3)
    viewer.show(trace, "human")
    begin = perf_counter()
    for _ in range(10):
        viewer.show(trace, "human")
    assert perf_counter() - begin >= 0.19
    viewer.close()


def test_a_window_closed_by_its_user_stays_closed(display: Any) -> None:
    """The program goes on without the window; after close() it may be opened again."""
    import pygame

    family = IndependentBandit()
    viewer, trace = Viewer(family, 100), random_trace(family, 3)
    viewer.show(trace, "human")
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    viewer.show(trace, "human")
    assert look(viewer) is None
    viewer.show(trace, "human")
    assert look(viewer) is None
    viewer.close()
    viewer.show(trace, "human")
    assert look(viewer) is not None
    viewer.close()


def test_keys_are_left_for_a_player(display: Any) -> None:
    """The window takes no key from a program in which a person plays."""
    import pygame

    family = IndependentBandit()
    viewer, trace = Viewer(family, 100), random_trace(family, 3)
    viewer.show(trace, "human")
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_1))
    viewer.show(trace, "human")
    assert [event.key for event in pygame.event.get(pygame.KEYDOWN)] == [pygame.K_1]
    viewer.close()


def test_other_programs_may_quit_pygame(display: Any) -> None:
    """After pygame.quit(), as Gymnasium's own environments call it, pictures and windows go on."""
    import pygame

    family = IndependentBandit()
    viewer, trace = Viewer(family, 100), random_trace(family, 3)
    viewer.show(trace, "human")
    before = viewer.show(trace, "rgb_array")
    pygame.quit()
    np.testing.assert_array_equal(viewer.show(trace, "rgb_array"), before)
    trace.add(1, 1, trace.states[-1], 12.5, over=False)
    viewer.show(trace, "human")
    np.testing.assert_array_equal(look(viewer), viewer.show(trace, "rgb_array"))
    viewer.close()


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"]
)
def test_environments_with_a_window_can_be_copied(display: Any, duplicate: Any) -> None:
    """In mid-lifetime; the copy shows the same history, and closing it leaves the original's window open."""
    env = MetaEnv(IndependentBandit(), render_mode="human")
    env.reset(seed=1)
    env.step(1)
    twin = duplicate(env)
    np.testing.assert_array_equal(picture(twin.family, twin._trace), picture(env.family, env._trace))  # type: ignore[arg-type]
    twin.close()
    assert look(env._viewer) is not None
    env.close()
    assert look(env._viewer) is None


@pytest.mark.parametrize(
    ("id", "title"),
    [
        ("MetaBandit-Dependent-v0", "Dependent bandit"),
        ("MetaBandit-DependentEasy-v0", "Dependent bandit, easy"),
        ("MetaBandit-DependentMedium-v0", "Dependent bandit, medium"),
        ("MetaBandit-DependentHard-v0", "Dependent bandit, hard"),
        ("MetaBandit-RestlessLow-v0", "Restless bandit, low"),
        ("MetaTwoStep-Switching-v0", "Switching two step"),
    ],
)
def test_titles_tell_levels(id: str, title: str) -> None:
    """Families that differ by their numbers alone, told apart by the words of their ids."""
    family = meta_envs.make_family(id, num_trials=5)
    assert summarise(family, random_trace(family, 2)).title == title


def luminance(color: Any) -> float:
    """Relative luminance of WCAG 2, by its formula."""
    part = np.asarray(color) / 255.0
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_rewards_differ_in_lightness_and_are_never_olive() -> None:
    """The higher, the darker, so that they are ordered in grey; texts on them have a contrast of 3.9 to 1 or more."""
    lights = [luminance(color) for color in theme.LEVELS]
    assert np.all(np.diff(lights) <= 1e-3)
    assert lights[0] > 2.5 * lights[-1]
    for number in range(256):
        ink, ground = luminance(theme.ink_on(number / 255)), lights[number]
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 3.9
    red, green, blue = theme.LEVELS[64:192].astype(int).T
    assert np.all(green <= np.maximum(red, blue)), "between amber and blue there is no green"
    assert np.all((red - green > 20) | (blue - green > 20))


def test_the_legend_has_all_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the arm that informs these are eleven: 0.1 to 1 by tenths, and 5."""
    from meta_envs.rendering.canvas import Canvas

    written: list[str] = []
    write = Canvas.text

    def listen(self: Canvas, text: str, x: float, y: float, *args: Any, **keywords: Any) -> None:
        if 200 < y < 285:
            written.append(text)
        write(self, text, x, y, *args, **keywords)

    monkeypatch.setattr(Canvas, "text", listen)
    family = meta_envs.make_family("MetaBandit-Informative-v0")
    picture(family, random_trace(family, 3))
    assert {"0.1", "0.2", "0.5", "0.9", "1", "5", "reward"} <= set(written)


def test_letters_are_evenly_spaced() -> None:
    """The same letter ten times: the distances between its copies differ by less than half a pixel."""
    from meta_envs.rendering.canvas import Canvas

    canvas = Canvas((400, 40))
    canvas.text("i" * 20, 10, 10, theme.LABEL, theme.INK)
    ink = (255.0 - canvas.pixels[..., 0]).sum(axis=0)
    assert ink.any()
    found, start = [], None
    for column, dark in enumerate(ink > 0.25 * ink.max()):
        if dark and start is None:
            start = column
        elif not dark and start is not None:
            weights = ink[start:column]
            found.append(np.sum(np.arange(start, column) * weights) / weights.sum())
            start = None
    assert len(found) == 20
    assert np.ptp(np.diff(found)) < 0.75
