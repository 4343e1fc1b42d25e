"""What SECURITY.md promises of agents' files: nothing in them is run or imported, and none takes more than it has."""

import json
import resource
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import start
from faults import flips

import meta_envs
from meta_envs.agents import cards, read_card
from meta_envs.agents.interface import MOST
from meta_envs.agents.tensors import pack, unpack
from meta_envs.cli.ship import ship
from meta_envs.training import Agent, load_agent
from meta_envs.training.presets import preset_of
from meta_envs.training.run import Run

ID = "MetaBandit-Dependent-v0"


def untrained(seed: int = 1, **settings: Any) -> Agent:
    """An agent as it is before its training."""
    run = Run(id=ID, seed=seed, preset=preset_of(ID, steps=1, num_envs=4, hidden_size=4, **settings))
    policy = run.make_model(run.make_env()).policy
    return Agent.from_policy(policy, meta_envs.make_family(ID), run.preset.network, run.card)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of an agent's file."""
    file = tmp_path_factory.mktemp("agent") / "agent.safetensors"
    untrained().save(file)
    return file.read_bytes()


def rewritten(content: bytes, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> bytes:
    """The file with its weights and its card changed in place, and a SHA-256 of its own."""
    weights, texts = unpack(content)
    card = json.loads(texts["card"])
    changed = change(weights, card)
    return pack(weights, card=changed if isinstance(changed, str) else json.dumps(card))


def test_flipped_bits_in_an_agent_are_found(whole: bytes, tmp_path: Path) -> None:
    """In its length, its header and its weights."""
    file = tmp_path / "agent.safetensors"
    head = 8 + int.from_bytes(whole[:8], "little")
    for changed in flips(whole, 150, range(8), range(8, head), range(head, len(whole))):
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=r"agent\.safetensors is not a whole agent \(.*\): train it again"):
            load_agent(file)


@pytest.mark.parametrize("id", ["MetaBandit-Dependent-v0", "MetaTwoStep-v0"])
def test_flipped_bits_in_a_shipped_agent_are_found(id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the weights and in the card beside them."""
    shutil.copytree(cards.FOLDER / id, tmp_path / id)
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    for suffix, read in ((".json", lambda: read_card(cards.find(id))), (".safetensors", lambda: load_agent(id))):
        file = tmp_path / id / f"{id}{suffix}"
        content = file.read_bytes()
        for changed in flips(content, 150):
            file.write_bytes(changed)
            with pytest.raises(ValueError, match=rf"{id}\.safetensors is not a whole agent \(.*\): install meta-envs"):
                read()
        file.write_bytes(content)
    assert load_agent(id).card.id == id


@pytest.mark.parametrize("kind", [np.int8, np.bool_, np.complex64, np.float64, np.float16])
def test_weights_of_another_type_are_refused(kind: type, whole: bytes, tmp_path: Path) -> None:
    """Not cast: what they were is not known."""
    file = tmp_path / "agent.safetensors"
    file.write_bytes(rewritten(whole, lambda weights, _: weights.update({"value_net.bias": np.zeros(1, kind)})))
    with pytest.raises(ValueError, match=rf"its weights value_net\.bias are {np.dtype(kind)}, not float32"):
        load_agent(file)


def set_size(size: Any) -> Callable[[Any, Any], None]:
    """Of the memory, in the card."""
    return lambda _, card: card["network"].update(lstm_hidden_size=size)


def set_inputs(inputs: Any) -> Callable[[Any, Any], None]:
    """In the card."""
    return lambda _, card: card["interface"].update(inputs=inputs)


LITTLE = 1 << 28
"""Bytes beyond those that the process has: 256 MB."""


CLAIMS: list[tuple[Callable[[Any, Any], Any], str]] = [
    (set_size(16_000), "weights do not fit its card"),
    (set_size(10**12), ""),
    (set_size([10**4] * 2), ""),
    (lambda _, card: card["interface"].update(num_actions=10**9), "weights do not fit its card"),
    (set_inputs([["observation", 10**9]]), f"numbers, and may be {MOST:,}"),
    (set_inputs([["image", [10**5, 10**5, 3]]]), f"numbers, and may be {MOST:,}"),
    (set_inputs([["observation", -1]]), f"numbers, and may be {MOST:,}"),
    (lambda _, card: card["network"].update(memory="fast_weights", lstm_hidden_size=16_000), ""),
]


def load_with_little_memory(folder: Path) -> None:
    """Load every agent there, and write down what is said."""
    meta_envs.load_agent(ID)  # whatever is imported or made once
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + LITTLE, resource.RLIM_INFINITY))
    for file in folder.glob("*.safetensors"):
        try:
            load_agent(file)
        except ValueError as error:
            file.with_suffix(".txt").write_text(str(error))


def test_a_small_file_takes_little_memory(whole: bytes, tmp_path: Path) -> None:
    """Whatever its card asks for: shapes are compared before a network is made."""
    for number, (change, _) in enumerate(CLAIMS):
        (tmp_path / f"{number}.safetensors").write_bytes(rewritten(whole, change))
    start(load_with_little_memory, tmp_path).join()
    for number, (_, message) in enumerate(CLAIMS):
        said = (tmp_path / f"{number}.txt").read_text()
        assert "is not a whole agent (" in said
        assert message in said
        assert "not enough memory" not in said
        assert "MemoryError" not in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, card: "[" * 100_000, "nested too deeply"),
        (lambda _, card: '{"a":' * 500 + "1" + "}" * 500, "nested too deeply"),
        (lambda _, card: card["preset"].update(deep=json.loads("[" * 300 + "]" * 300)), "nested too deeply"),
        (lambda _, card: card.update(id=5), "its card is of '5'"),
        (lambda _, card: card.update(seed="x"), "seed 'x'"),
        (lambda _, card: '{"id": 1, "id": 2}', "gives 'id' twice"),
        (lambda _, card: "", "Expecting"),
    ],
)
def test_a_card_of_anything_is_refused_in_one_sentence(change: Any, message: str, whole: bytes, tmp_path: Path) -> None:
    """With the file's name."""
    file = tmp_path / "agent.safetensors"
    file.write_bytes(rewritten(whole, change))
    with pytest.raises(ValueError, match=rf"agent\.safetensors is not a whole agent \(.*{message}") as raised:
        load_agent(file)
    assert "\n" not in str(raised.value)


TRAP = "from pathlib import Path\nPath('imported').touch()\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda _, card: card["keywords"].update(family="trap:Family"),
        lambda _, card: card["preset"].update(curriculum=[[0.5, {"family": "trap:Family"}]]),
        lambda _, card: card.update(id=f"trap:{ID}"),
    ],
)
def test_a_card_imports_nothing(change: Any, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it is read nor where its keywords are used."""
    (tmp_path / "trap.py").write_text(TRAP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "agent.safetensors"
    file.write_bytes(rewritten(whole, change))
    for use in (lambda: load_agent(file), lambda: ship(ID, [file], episodes=10, folder=tmp_path)):
        with pytest.raises(ValueError, match="not a whole agent"):
            use()
    assert not (tmp_path / "imported").exists()
    monkeypatch.delitem(sys.modules, "trap", raising=False)
    with pytest.raises(ValueError, match="give the place of a TaskFamily"):
        meta_envs.make_family(ID, family="trap:Family")  # the user's own word
    assert (tmp_path / "imported").exists()


def test_a_run_that_would_make_such_a_card_is_refused() -> None:
    """Before the training, with the cure."""
    with pytest.raises(
        ValueError, match=r"keywords=\{'family': 'trap:Family'\} are not possible .*: register the family"
    ):
        Run(id=ID, keywords={"family": "trap:Family"}, preset=preset_of(ID))


def test_an_agent_that_is_rewritten_is_read_as_one_or_the_other(tmp_path: Path) -> None:
    """Never one's card with the other's weights: here the seed stands in a weight too."""
    file = tmp_path / "agent.safetensors"
    agents = [untrained(seed) for seed in (1, 2)]
    for agent in agents:
        agent.policy.value_net.bias.data.fill_(agent.card.seed)
    agents[0].save(file)
    done = threading.Event()

    def rewrite() -> None:
        while not done.is_set():
            for agent in agents:
                agent.save(file)

    writer = threading.Thread(target=rewrite)
    writer.start()
    found = []
    try:
        for _ in range(100):
            agent = load_agent(file)
            found.append((agent.card.seed, int(agent.policy.value_net.bias)))
    finally:
        done.set()
        writer.join()
    assert set(found) == {(1, 1), (2, 2)}
