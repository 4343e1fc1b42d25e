"""Where runs begin and end: from an agent's weights, longer than they were, and with others' callbacks beside."""

import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import start

th = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from safetensors.torch import load_file  # noqa: E402
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, StopTrainingOnMaxEpisodes  # noqa: E402

import meta_envs  # noqa: E402
from meta_envs.cli import app  # noqa: E402
from meta_envs.networks.encoders import resize_patches  # noqa: E402
from meta_envs.training import MetaRecurrentPPO, load_agent, train  # noqa: E402
from meta_envs.training.presets import preset_of  # noqa: E402

ID, OTHER = "MetaBandit-Dependent-v0", "MetaBandit-Independent-v0"
TINY: dict[str, Any] = {"num_envs": 4, "minibatches": 2, "epochs": 1, "hidden_size": 6, "evaluations": 2}
ROLLOUT = 40
"""Steps between two updates: lifetimes of ten steps in each copy."""


def tiny(directory: Path, id: str = ID, rollouts: int = 4, **changes: Any) -> Path:
    """A run of some updates."""
    keywords = {"num_trials": 10, **changes.pop("keywords", {})}
    settings = {"steps": rollouts * ROLLOUT, "progress": False, **TINY, **changes}
    return train(id, directory=directory, keywords=keywords, **settings)


def same(one: Path, other: Path) -> bool:
    """Whether the weights of two agents are equal to the last bit."""
    weights, others = load_file(one), load_file(other)
    assert weights.keys() == others.keys()
    return all(th.equal(tensor, others[name]) for name, tensor in weights.items())


@pytest.fixture(scope="module")
def agent_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    return tiny(tmp_path_factory.mktemp("run"))


def copy(agent_path: Path, directory: Path) -> Path:
    """Another directory of the same finished run."""
    for name in ("agent.safetensors", "end.pt"):
        (directory / name).write_bytes((agent_path.parent / name).read_bytes())
    return directory


def test_a_run_begins_with_the_weights_of_an_agent(agent_path: Path, tmp_path: Path) -> None:
    """Loaded, or by its file or directory: its own weights where nothing is learned; the card tells of it."""
    changes: dict[str, Any] = {"id": OTHER, "keywords": {"num_trials": 12}, "num_envs": 5, "minibatches": 1}
    frozen = {**changes, "learning_rate": 1e-30, "learning_rate_end": 0.0}
    for number, init in enumerate((agent_path, str(agent_path.parent), load_agent(agent_path))):
        path = tiny(tmp_path / str(number), **frozen, init=init)
        for name, tensor in load_file(path).items():
            th.testing.assert_close(tensor, load_file(agent_path)[name], rtol=0, atol=1e-20)
    card = load_agent(path).card
    assert card.init is not None
    assert (card.init["id"], card.init["seed"], len(card.init["weights"])) == (ID, 1, 64)
    first = load_agent(agent_path).card
    assert (first.init, first.before) == (None, None)
    assert card.before == {"keywords": {"num_trials": 10}, "steps": 4 * ROLLOUT, "curve": first.curve}
    again = load_agent(tiny(tmp_path / "again", **changes, init=path)).card
    assert again.before is not None
    assert again.before["before"] == card.before
    learned = [tiny(tmp_path / f"learned-{number}", **changes, init=agent_path) for number in range(2)]
    assert same(*learned)
    assert not same(learned[0], tiny(tmp_path / "drawn", **changes))


def test_a_shipped_agent_is_trained_on(tmp_path: Path) -> None:
    """By its id, with its own network; images included."""
    for id, keywords in ((ID, {}), ("MetaHarlow-v0", {"num_trials": 1, "num_decisions": 40})):
        shipped = load_agent(id)
        settings: dict[str, Any] = {"steps": 40, "num_envs": 2, "minibatches": 1, "evaluations": 0, "progress": False}
        settings |= {"keywords": {**shipped.card.keywords, **keywords}, "learning_rate": 1e-30}
        path = train(id, directory=tmp_path / id, init=id, **settings)
        for name, tensor in load_file(path).items():
            th.testing.assert_close(tensor, shipped.policy.state_dict()[name], rtol=0, atol=1e-6)


def test_patches_of_another_side_see_the_same_picture() -> None:
    """Every pixel doubled changes nothing; at any side the sum of each colour's weights is kept."""
    kernel, picture = th.randn(16, 3, 3, 3), th.rand(2, 3, 36, 36)
    seen = th.nn.functional.conv2d(picture, kernel, stride=3)
    doubled = picture.repeat_interleave(2, -1).repeat_interleave(2, -2)
    th.testing.assert_close(th.nn.functional.conv2d(doubled, resize_patches(kernel, 6), stride=6), seen)
    for side in (1, 3, 4, 5, 7):
        th.testing.assert_close(resize_patches(kernel, side).sum((-1, -2)), kernel.sum((-1, -2)), rtol=0, atol=1e-5)
    th.testing.assert_close(resize_patches(kernel, 3), kernel)


def test_an_agent_is_carried_to_images_of_another_size(tmp_path: Path) -> None:
    """What it learned at 36 x 36 pixels serves at 84 x 84, or the reverse: the goal is found, and remembered."""
    id = "MetaNavigation-IMaze-v0"
    shown = {"resolution": 120 - load_agent(id).card.keywords.get("resolution", 84)}
    settings: dict[str, Any] = {"steps": 40, "num_envs": 2, "unroll": 20, "minibatches": 1, "evaluations": 0}
    settings |= {"keywords": {**shown, "num_decisions": 20}, "learning_rate": 1e-30, "progress": False}
    path = train(id, directory=tmp_path, init=id, **settings)
    agent = load_agent(path, play="greedy")
    trials = meta_envs.behaviour.record_trials(agent, id, episodes=8, seed=2, num_decisions=600, **shown)
    first, later, _ = meta_envs.behaviour.first_to_later_latency(trials, goal_reward=10).mean
    assert len(np.unique(trials.lifetimes()[trials["reward"] == 10])) == 8
    assert later < 0.4 * first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"id": "MetaNavigation-IMaze-v0", "init": "MetaNavigation-IMaze-v0", "keywords": {"resolution": 40}},
            r"has inputs \[\['image', \[\d+, \d+, 3\]\], .*, and the environment has .* \[40, 40, 3\]\], .*: give",
        ),
        ({"id": "MetaTwoStep-v0", "keywords": {}}, r"init is not possible for MetaTwoStep-v0: .* has inputs .*, and"),
        ({"id": OTHER, "keywords": {"num_arms": 3}}, r"has num_actions 2, and the environment has 3: give another"),
        ({"hidden_size": 7}, r"^hidden_size=7 is not possible with init: its agent, of .*, has 6: leave it out\.$"),
        ({"reward": False}, "reward=False is not possible with init: its agent, of .*, has True: leave it out"),
        ({"init": 3}, "init=3 is not possible: give an agent, its file or directory, or the id of a shipped one"),
        ({"init": "nowhere"}, "There is no agent at 'nowhere'"),
    ],
)
def test_agents_that_do_not_fit_are_refused(
    changes: dict[str, Any], said: str, agent_path: Path, tmp_path: Path
) -> None:
    """In one sentence, and nothing is written."""
    wanted = {"id": ID, "init": agent_path, "steps": 40, "num_envs": 2, "minibatches": 1, **changes}
    with pytest.raises(ValueError, match=said):
        train(directory=tmp_path / "run", progress=False, **wanted)
    assert not list(tmp_path.iterdir())


def test_a_run_from_one_agent_is_not_resumed_as_from_another(agent_path: Path, tmp_path: Path) -> None:
    """Nor as from none."""
    tiny(tmp_path, init=agent_path)
    assert tiny(tmp_path, init=agent_path, resume=True) == tmp_path / "agent.safetensors"
    with pytest.raises(ValueError, match=r"another run, of init=\{.*\}, not None: .*--overwrite"):
        tiny(tmp_path, resume=True)


def die_in_update(directory: Path, number: int, changes: dict[str, Any]) -> None:
    """Train until SIGKILL in an update, counted from this process's first."""
    update, done = MetaRecurrentPPO.train, []

    def train_or_die(model: MetaRecurrentPPO) -> None:
        done.append(update(model))
        if len(done) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    MetaRecurrentPPO.train = train_or_die
    tiny(directory, **changes)


@pytest.mark.bits
def test_a_finished_run_goes_on_with_more_steps(agent_path: Path, tmp_path: Path) -> None:
    """To one agent, whether or not it was killed before or after its first checkpoint; curves and card go on."""
    longer: dict[str, Any] = {"rollouts": 8, "resume": True}
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
        copy(agent_path, folder)
    whole = tiny(folders[0], **longer)
    for number in (1, 3):
        killed = {**longer, "checkpoint_seconds": 1e9 if number == 1 else 0.0}
        process = start(die_in_update, folders[1], number, killed)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert (folders[1] / "checkpoint.pt").exists() == (number == 3)
    assert same(whole, tiny(folders[1], **longer))
    cards = [load_agent(folder).card for folder in folders]
    assert (cards[0].steps, cards[0].extends, cards[0].preset["steps"]) == (8 * ROLLOUT, [4 * ROLLOUT], 8 * ROLLOUT)
    assert cards[0].curve == cards[1].curve
    assert [step for step, *_ in cards[0].curve["held_out"]] == [80, 160, 320]
    assert not same(whole, agent_path)
    again = tiny(folders[0], rollouts=12, resume=True)
    assert load_agent(again).card.extends == [4 * ROLLOUT, 8 * ROLLOUT]
    assert tiny(folders[0], rollouts=12, resume=True) == again


def test_a_longer_run_has_the_rates_of_its_own_steps(
    agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on linearly from where so many steps of the longer run are; and no stage of a curriculum comes again."""
    rates, update = [], MetaRecurrentPPO.train

    def follow(model: MetaRecurrentPPO) -> None:
        update(model)
        rates.append(model.policy.optimizer.param_groups[0]["lr"])
        lows.append(float(np.min(np.concatenate(model.get_env().get_attr("task")))))

    lows: list[float] = []
    curriculum = [[0.75, {"num_values": 2, "low": 0.01, "high": 0.99}]]
    tiny(tmp_path, curriculum=curriculum)
    monkeypatch.setattr(MetaRecurrentPPO, "train", follow)
    tiny(tmp_path, rollouts=10, resume=True, curriculum=curriculum)
    assert rates == pytest.approx([preset_of(ID).learning_rate * left / 10 for left in (5, 4, 3, 2, 1, 0)])
    assert 0.01 not in np.round(lows, 6)


def test_what_cannot_be_extended_is_one_sentence(agent_path: Path, tmp_path: Path) -> None:
    """Fewer steps, another setting, no checkpoint of the end, a run that was stopped early; all stays as it was."""
    copy(agent_path, tmp_path)
    for changes, said in (
        ({"rollouts": 3}, "another run, of steps=160, not 120: "),
        ({"rollouts": 8, "gamma": 0.8}, f"another run, of gamma={preset_of(ID).gamma}, not 0.8: "),
    ):
        with pytest.raises(ValueError, match=said):
            tiny(tmp_path, resume=True, **changes)
    (tmp_path / "end.pt").unlink()
    with pytest.raises(ValueError, match=r"lacks end\.pt, and cannot be extended: begin another one .* with --init"):
        tiny(tmp_path, rollouts=8, resume=True)
    assert (tmp_path / "agent.safetensors").read_bytes() == agent_path.read_bytes()


class Count(BaseCallback):
    """Counts, and ends the run after so many steps of a copy."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.ended = most, 0

    def _on_step(self) -> bool:
        return self.n_calls < self.most

    def _on_training_end(self) -> None:
        self.ended += 1


def test_callbacks_stand_beside_the_run(agent_path: Path, tmp_path: Path) -> None:
    """One, several or functions, as Stable-Baselines3 takes them; they change nothing that is learned."""
    calls: list[int] = []
    count = Count(10**9)
    keep = CheckpointCallback(20, str(tmp_path / "kept"))
    path = tiny(tmp_path / "several", callback=[count, keep, lambda *_: calls.append(1) or True])
    assert same(agent_path, path)
    assert (count.n_calls, count.ended, len(calls)) == (40, 1, 40)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert MetaRecurrentPPO.load(next((tmp_path / "kept").iterdir()), device="cpu").num_timesteps in (80, 160)
    assert same(agent_path, tiny(tmp_path / "one", callback=Count(10**9)))


@pytest.mark.parametrize("callback", [Count(25), StopTrainingOnMaxEpisodes(3)], ids=lambda each: type(each).__name__)
def test_a_callback_ends_a_run(callback: BaseCallback, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The agent is that of the last update, and says how long it was trained; the run is over."""
    path = tiny(tmp_path, callback=callback)
    steps = 100 if isinstance(callback, Count) else 120
    assert load_agent(path).card.steps == steps
    assert capsys.readouterr().err == f"Stopped early at step {steps}: a callback ended the run.\n"
    assert tiny(tmp_path, resume=True) == path
    with pytest.raises(ValueError, match="was stopped early, and cannot be extended"):
        tiny(tmp_path, rollouts=8, resume=True)


@pytest.mark.parametrize("callback", [3, "wandb", [Count(1), None], Count])
def test_what_is_no_callback_is_refused(callback: Any, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=r"^callback=.* is not possible: give a BaseCallback of Stable-Baselines3, a"):
        tiny(tmp_path / "run", callback=callback)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_weights_and_biases_follows_a_run(agent_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own callback, which keeps the model; where it listens for gradients, torch computes them all."""
    wandb = pytest.importorskip("wandb")
    from wandb.integration.sb3 import WandbCallback

    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path, project="tests") as run:
        callback = WandbCallback(model_save_path=str(tmp_path / "kept"))
        assert same(agent_path, tiny(tmp_path / "run", callback=callback))
        assert run.config["algo"] == "MetaRecurrentPPO"
        path = tiny(tmp_path / "gradients", callback=WandbCallback(gradient_save_freq=1))
    th.testing.assert_close(load_file(path), load_file(agent_path), rtol=1e-3, atol=1e-5)
    assert (tmp_path / "kept" / "model.zip").exists()


def test_the_command_begins_with_an_agent(agent_path: Path, tmp_path: Path) -> None:
    """By --init."""
    from typer.testing import CliRunner

    settings = [f"--set={name}={value}" for name, value in {**TINY, "steps": 160}.items()]
    command = ["train", OTHER, "--env", "num_trials=10", "--directory", str(tmp_path / "run"), *settings]
    result = CliRunner().invoke(app, [*command, "--init", str(agent_path)])
    assert result.exit_code == 0, result.output
    assert re.search(r"agent: .*agent\.safetensors", result.output)
    path = tiny(tmp_path / "python", OTHER, init=agent_path)
    assert same(path, tmp_path / "run" / "agent.safetensors")
    assert meta_envs.evaluate(str(path), OTHER, episodes=10).episodes == 10
