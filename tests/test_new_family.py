"""A family is one file and one row: what is generated from two new ones works, and the tests of the suite hold."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import families
import gymnasium as gym
import numpy as np
import pytest
from side_by_side import compare
from test_docs import HEADINGS
from typer.testing import CliRunner

import meta_envs
from meta_envs import behaviour, testing, wrappers
from meta_envs.bench.families import measure_families
from meta_envs.cli import app
from meta_envs.rendering.sheet import take_picture
from meta_envs.testing.playing import make_sync

ROOT = Path(__file__).resolve().parent.parent
MODULE = "families_of_a_contributor"


def page(summary, **keywords):
    """A docstring with all headings, the keywords and their defaults under Arguments."""
    arguments = "\n".join(f"    - `{name}={value}`: of a family." for name, value in keywords.items())
    sections = (f"    ## {name}\n{arguments if name == 'Arguments' else '    Said.'}\n" for name in HEADINGS)
    return f'"""{summary}\n\n' + "\n".join(sections) + '    """'


FILE = """\
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from gymnasium import spaces

from meta_envs.families import BernoulliBandit
from meta_envs.family import FiniteTaskFamily, TaskFamily, require_integers


@dataclass(frozen=True, kw_only=True)
class TwoGoodArms(FiniteTaskFamily, BernoulliBandit):
    TWO_GOOD_ARMS_PAGE

    num_arms: int = 4
    num_trials: int = 12

    def __post_init__(self):
        require_integers(self, {"num_arms": 2, "num_trials": 1})

    @property
    def arms(self):
        return self.num_arms

    @property
    def task_names(self):
        return tuple(f"p_{arm + 1}" for arm in range(self.num_arms))

    def tasks(self):
        good = list(combinations(range(self.num_arms), 2))
        means = np.full((len(good), self.num_arms), 0.2)
        for task, arms in zip(means, good):
            task[list(arms)] = 0.8
        return means, np.full(len(good), 1.0 / len(good))


@dataclass(frozen=True, kw_only=True)
class Fishing(TaskFamily):
    FISHING_PAGE

    num_ponds: int = 3
    num_casts: int = 9

    num_step_chance: ClassVar[int] = 2

    def __post_init__(self):
        require_integers(self, {"num_ponds": 1, "num_casts": 1})

    @property
    def task_names(self):
        return tuple(f"size_{pond + 1}" for pond in range(self.num_ponds))

    @property
    def horizon(self):
        return self.num_casts

    @property
    def action_space(self):
        return spaces.Discrete(self.num_ponds)

    @property
    def observation_space(self):
        return spaces.Box(0.0, 2.0, (2,), np.float32)

    @property
    def reward_range(self):
        return (0.0, 2.0)

    @property
    def num_task_chance(self):
        return self.num_ponds

    def sample_task(self, chance):
        return 1.0 + chance

    def in_support(self, task):
        return np.all((task >= 1.0) & (task <= 2.0), axis=-1)

    def initial_state(self, task, chance):
        return np.zeros((len(chance), 3))

    def outcome(self, task, state, action, chance):
        size = np.take_along_axis(task, action[:, None], axis=-1)[:, 0] * chance[:, 0]
        return np.stack([size, chance[:, 1] >= 0.95], axis=-1)

    def next_state(self, state, action, outcome):
        return np.concatenate([state[:, :1] + 1.0, outcome], axis=-1)

    def reward(self, state, action, outcome):
        return outcome[:, 0]

    def observe(self, task, state):
        return np.stack([state[:, 0] / self.num_casts, state[:, 1]], axis=-1).astype(np.float32)

    def terminated(self, task, state):
        return state[:, 2] == 1.0

    def best_action(self, task, state):
        return np.argmax(task, axis=-1)
"""
PAGES = {
    "TWO_GOOD_ARMS_PAGE": page("Two arms of several pay often, the others seldom.", num_arms=4, num_trials=12),
    "FISHING_PAGE": page("Ponds with fish of unlike sizes, until a storm comes.", num_ponds=3, num_casts=9),
}
BANDIT, PLAIN = "MetaBandit-TwoGoodArms-v0", "MetaFishing-v0"
ROWS = ((BANDIT, f"{MODULE}:TwoGoodArms", {}), (PLAIN, f"{MODULE}:Fishing", {}))
each_new = pytest.mark.parametrize("id", [BANDIT, PLAIN])
NUM = 3


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """The folder with the file, while its rows are in the registry."""
    folder, before = tmp_path_factory.mktemp("contributor"), dict(gym.registry)
    code = FILE
    for name, text in PAGES.items():
        code = code.replace(name, text)
    (folder / f"{MODULE}.py").write_text(code, encoding="utf-8")
    sys.path.insert(0, str(folder))
    for id, family, keywords in ROWS:
        meta_envs.register(id, family, **keywords)
    yield folder
    for id, _, _ in ROWS:
        del gym.registry[id]
    sys.path.remove(str(folder))
    sys.modules.pop(MODULE, None)
    assert gym.registry == before


@each_new
def test_a_new_family_keeps_the_contract(id):
    """All checks of `meta_envs.testing` pass."""
    testing.check(id)


@each_new
def test_a_new_family_is_made_alone_and_side_by_side(id):
    """`gym.make`, native copies and Gymnasium's give the same lifetimes, in the wrappers too, to the last bit."""
    assert gym.make(id).unwrapped.family == meta_envs.make_family(id) == gym.make_vec(id, NUM).unwrapped.family
    compare(gym.make_vec(id, NUM), make_sync(id, NUM, "SameStep"), "SameStep", 30)
    several = wrappers.vector.MultiEpisode(gym.make_vec(id, NUM, autoreset_mode="NextStep"), num_episodes=2)
    order = [lambda env: wrappers.MultiEpisode(env, num_episodes=2), wrappers.PreviousActionReward, wrappers.Privileged]
    ours = wrappers.vector.Privileged(wrappers.vector.PreviousActionReward(several))
    compare(ours, make_sync(id, NUM, "SameStep", order), "SameStep", 30)


@each_new
def test_history_has_the_sizes_of_a_new_family(id):
    """Observation, action one-hot, reward and time: as wide as the family's spaces say."""
    family = meta_envs.make_family(id)
    width = family.observation_space.shape[0] + int(family.action_space.n) + 1 + 1
    assert wrappers.PreviousActionReward(gym.make(id)).observation_space.shape == (width,)
    assert wrappers.SB3VecEnv(wrappers.vector.PreviousActionReward(gym.make_vec(id, NUM))).reset().shape == (NUM, width)


def test_a_finite_family_is_solved():
    """By hand: one pull of four arms, of which two pay 0.8 and two 0.2, is worth 0.5; a second one is better."""
    assert meta_envs.solve(BANDIT, num_trials=1).value == pytest.approx(0.5)
    # A paid arm is then a good one with probability 0.8; after an unpaid pull each other is with (1.6 + 0.2) / 3 = 0.6.
    assert meta_envs.solve(BANDIT, num_trials=2).value == pytest.approx(0.5 + (0.8**2 + 0.2**2 + 0.2 + 0.36) / 2)
    assert meta_envs.solve(BANDIT).kind == "exact"


def test_a_family_with_more_outcomes_than_can_be_counted_is_not_solved():
    """The sentence says why."""
    with pytest.raises(ValueError, match=r"Fishing cannot be solved: .* not finitely many\."):
        meta_envs.solve(PLAIN)


@pytest.mark.parametrize(
    ("id", "least"), [(BANDIT, {"random", "oracle", "bayes", "thompson", "ucb"}), (PLAIN, {"random", "oracle"})]
)
def test_learners_serve_a_new_family(id, least):
    """Those that can are scored in the same lifetimes, and nobody is better than who knows the task."""
    names = meta_envs.serving(list(meta_envs.LEARNERS), id)
    assert least <= set(names)
    cards = {card.learner: card for card in meta_envs.evaluate(names, id, episodes=50)}
    assert set(cards) == set(names)
    assert max(card.return_mean for card in cards.values()) <= cards["oracle"].return_mean + 1e-9
    assert all((card.score is None) == (id == PLAIN) for card in cards.values())


@each_new
def test_trials_of_a_new_family_are_recorded(id):
    """A row a step, with the task under the family's names."""
    table = behaviour.record_trials("random", id, episodes=20)
    assert {f"task_{name}" for name in meta_envs.make_family(id).task_names} <= set(table.names)
    most = 20 * meta_envs.make_family(id).horizon
    assert len(table) == most if id == BANDIT else 20 <= len(table) < most


@each_new
def test_a_new_family_is_drawn(id):
    """In every render mode, alone and on a sheet."""
    for mode in gym.make(id).metadata["render_modes"]:
        env = gym.make(id, render_mode=mode)
        env.reset(seed=0)
        env.step(env.action_space.sample())
        shown = env.render()
        env.close()
        assert type(shown) is {"rgb_array": np.ndarray, "ansi": str, "human": type(None)}[mode]
    assert take_picture(id).ndim == 3


def test_continuous_actions_are_drawn_and_measured(monkeypatch):
    """Pictures and speeds do not take actions to be counted."""
    with families.registered():
        assert take_picture("ToyDrift-v0").ndim == 3
        monkeypatch.setattr("meta_envs.bench.families.NUM_TABLE", 16)
        monkeypatch.setattr("meta_envs.bench.families.ids", lambda: ["ToyDrift-v0", BANDIT, PLAIN])
        rows = measure_families(1e-6)
    assert {row["what"].partition(",")[0] for row in rows} == {
        "MetaBandit-Independent-v0",
        "ToyDrift-v0",
        BANDIT,
        PLAIN,
    }
    assert all(row["steps_per_second"] > 0 for row in rows)


@each_new
@pytest.mark.parametrize("words", [["list"], ["info", "ID"], ["evaluate", "ID", "--episodes", "20"]], ids=" ".join)
def test_commands_know_a_new_family(id, words):
    """They show it by its id, without a shipped agent."""
    result = CliRunner().invoke(app, [id if word == "ID" else word for word in words], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert id in result.output


@each_new
def test_a_new_family_is_described_as_json(id):
    """With its id, and without a shipped agent."""
    described = json.loads(CliRunner().invoke(app, ["info", id, "--json"]).output)
    assert (described["id"], described["agent"]) == (id, None)


def test_new_families_have_pages(tmp_path, monkeypatch):
    """A page each with the picture, and rows in the tables."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    pages = import_module("pages")
    monkeypatch.setattr(meta_envs, "ids", lambda: [BANDIT, PLAIN])
    pages.write(tmp_path)
    for id in (BANDIT, PLAIN):
        page = (tmp_path / "environments" / f"{id}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {id}\n")
        assert "## Version History" in page
        assert (tmp_path / "environments" / f"{id}.png").read_bytes().startswith(b"\x89PNG")
        assert f"| [`{id}`](" in (tmp_path / "tables" / "environments.md").read_text(encoding="utf-8")
    assert f"| `{BANDIT}` | exact |" in (tmp_path / "tables" / "optima.md").read_text(encoding="utf-8")


@each_new
def test_an_agent_is_trained_on_a_new_family(id, tmp_path):
    """It is loaded again, and plays; none is shipped."""
    pytest.importorskip("sb3_contrib")
    from meta_envs.training import train

    short = dict(num_envs=8, steps=200, minibatches=1, evaluations=0, hidden_size=4)
    path = train(id, directory=tmp_path, progress=False, **short)
    agent = meta_envs.load_agent(path)
    assert agent.card.id == id
    assert meta_envs.evaluate(agent, id, episodes=10).return_mean > 0.0
    with pytest.raises(ValueError, match=f"No agent is shipped for '{id}'"):
        meta_envs.load_agent(id)


def test_the_tests_of_the_suite_hold_for_new_families(folder):
    """Each test that goes through the registry takes the new ids too, and passes."""
    (folder / "rows.py").write_text(
        f"import meta_envs\nfor id, family, keywords in {ROWS!r}:\n    meta_envs.register(id, family, **keywords)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "rows", "-p", "no:cacheprovider"]
    # The contract was checked above.
    names = "(TwoGoodArms or Fishing) and not test_environment_keeps_the_contract"
    through_registry = re.compile(r"\bids\(\)|_IDS\b|\bFAMILIES\b")
    others = (path for path in sorted(Path(__file__).parent.glob("test_*.py")) if path != Path(__file__))
    chosen = ["-k", names, *(str(path) for path in others if through_registry.search(path.read_text("utf-8")))]
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    finished = subprocess.run(
        [*command, *chosen],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", finished.stdout)[-1]) > 50
