"""What is given as KEY=VALUE is told apart from what is given by itself."""

import json

import pytest
from typer.testing import CliRunner

from meta_envs.cli import COMMANDS, app
from meta_envs.cli.options import flags_of, parse_pairs

ID = "MetaBandit-Dependent-v0"
TAKEN = [
    (command, option, name)
    for command, option in (("train", "--set"), ("train", "--env"), ("evaluate", "--env"), ("picture", "--env"))
    for name in flags_of(COMMANDS[command][0])
] + [("bench", "--set", name) for name in flags_of(COMMANDS["bench"][0])]


def said_of(*command: str) -> str:
    """The error that a command ends with."""
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, ValueError | TypeError | ImportError), result.output
    return str(result.exception)


def test_every_argument_and_option_has_its_flag() -> None:
    """By the parameter's name and by its own."""
    flags = flags_of(COMMANDS["train"][0])
    assert {name: flags[name] for name in ("id", "seed", "settings", "set", "init")} == {
        "id": "ID", "seed": "--seed", "settings": "--set", "set": "--set", "init": "--init",
    }  # fmt: skip
    assert flags_of(COMMANDS["evaluate"][0])["csv"] == flags_of(COMMANDS["evaluate"][0])["trials"] == "--csv"


@pytest.mark.parametrize(("command", "option", "name"), TAKEN)
def test_what_is_given_by_itself_is_no_key(command: str, option: str, name: str) -> None:
    """One sentence names the flag, in every command."""
    flag = flags_of(COMMANDS[command][0])[name]
    place = [] if command == "bench" else [ID]
    assert said_of(command, *place, option, f"{name}=5") == (
        f"{option} {name}=5 is not possible: {name} is given by itself, as {flag}."
    )


@pytest.mark.parametrize("name", ["progress", "checkpoint_seconds", "callback", "keywords", "kind"])
def test_other_arguments_of_python_are_no_settings(name: str) -> None:
    """Of `train`."""
    assert said_of("train", ID, "--set", f"{name}=5").startswith(f"There is no setting {name!r} (given as 5)")


@pytest.mark.parametrize("command", ["train", "evaluate", "picture"])
@pytest.mark.parametrize("name", ["id", "learners", "render_mode", "num_envs", "max_episode_steps"])
def test_other_arguments_of_python_are_no_keywords(command: str, name: str) -> None:
    """Of Gymnasium's makers and of the package's functions."""
    said = said_of(command, ID, "--env", f"{name}=5")
    assert f"no keyword '{name}'" in said or f"{name} is given by itself" in said


def test_keys_and_values_are_read_as_json() -> None:
    """Or as strings."""
    pairs = {"num_arms": 5, "alpha": 0.5, "size": [2, 3], "name": "x=y", "on": True}
    given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in pairs.items()]
    assert parse_pairs(given, "--env", COMMANDS["evaluate"][0]) == pairs


@pytest.mark.parametrize(("text", "number"), [(".5", 0.5), ("+3", 3), ("-.25", -0.25), ("2.", 2), ("+1e-3", 0.001)])
def test_numbers_that_json_does_not_know_are_numbers(text: str, number: float) -> None:
    """As people write them; a word that begins with one is a string."""
    assert parse_pairs([f"low={text}", f"name={text}x"]) == {"low": number, "name": f"{text}x"}


@pytest.mark.parametrize("place", ["x", "a:b:c", "no_such_module:Family", "json:Family", "json:loads", ":", 3])
@pytest.mark.parametrize("command", ["evaluate", "picture"])
def test_a_family_that_is_none_is_refused(command: str, place: str | int) -> None:
    """Whatever is wrong with its place."""
    assert said_of(command, ID, "--env", f"family={place}").startswith(f"family={place!r} is not possible: give the ")


@pytest.mark.parametrize("command", ["train", "evaluate", "info"])
@pytest.mark.parametrize("module", ["no_such_module", "no:such:module"])
def test_a_module_that_is_not_there_is_refused(command: str, module: str) -> None:
    """Before an id."""
    assert said_of(command, f"{module}:{ID}").startswith(f"There is no module {module!r}: give one on the path")
