"""The command line as a stranger meets it: help, examples, wrong names and odd values."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise

import gymnasium as gym
import pytest
from typer.testing import CliRunner

import meta_envs
from meta_envs import cli
from meta_envs.arguments import suggest
from meta_envs.version import __version__

ID = "MetaBandit-Dependent-v0"
EXAMPLES = [
    tuple(shlex.split(example.replace("\\\n", " "))[1:])
    for _, examples in cli.COMMANDS.values()
    for example in examples
]


def invoke(*words):
    """Exit status and what is printed."""
    result = CliRunner().invoke(cli.app, [*words], terminal_width=79)
    return result.exit_code, result.output


def fail(monkeypatch, capsys, *words):
    """Exit status and what is said of an error."""
    monkeypatch.setattr(sys, "argv", ["meta-envs", *words])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = capsys.readouterr()
    assert out == ""
    return left.value.code, err


def test_the_version_is_told():
    """`--version` is the package's, and nothing else is run."""
    assert invoke("--version") == (0, f"meta-envs {__version__}\n")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_names_switches_without_a_type_and_shows_examples(name):
    """`-h` is `--help`; a switch takes no value, and shows none."""
    status, told = invoke(name, "-h")
    assert (status, told) == invoke(name, "--help")
    assert status == 0
    assert "<bool>" not in told
    assert "-h, --help" in told
    examples = cli.COMMANDS[name][1]
    assert examples
    for example in examples:
        assert all(line.strip() in told for line in example.splitlines()), example


def test_the_list_of_commands_is_not_cut_short():
    """The first sentence of each fits, and there is one for every command."""
    _, told = invoke("--help")
    for name, (function, _) in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(function.__doc__.partition('.')[0])}\.$", told, re.MULTILINE)


def test_no_command_shows_the_help():
    """And is a mistake."""
    assert invoke() == (2, invoke("--help")[1])


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_every_example_parses(words):
    """With a command, options, ids, settings and learners that there are."""
    assert invoke(*words, "--help")[0] == 0
    assert {word for word in words if word.startswith("Meta")} <= set(meta_envs.ids())
    for option, value in pairwise(words):
        if option == "--agent" and value != "agent":
            meta_envs.make_learner(value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("MetaBandit-Dependent", f"did you mean {ID}?"),
        ("metabandit-dependent-v0", f"did you mean {ID}?"),
        ("MetaBandit-Dependent-v7", f"did you mean {ID}?"),
        ("meta_envs:MetaBandit-Dependent", f"did you mean {ID}?"),
        ("MetaBandit-Dependant-v0", f"did you mean {ID} or "),
        ("harlow", "did you mean MetaHarlow-v0 or MetaHarlow-Symbolic-v0?"),
        ("Nope-v0", "it is one of MetaBandit-Independent-v0, "),
        ("", "it is one of MetaBandit-Independent-v0, "),
    ],
)
def test_a_wrong_id_meets_our_own(given, meant, monkeypatch, capsys):
    """No environment of Gymnasium's is suggested, wherever an id is taken."""
    name = given.rpartition(":")[2]
    sentence = f"There is no environment {name!r}: {meant}"
    for call in (meta_envs.make_family, meta_envs.solve, lambda id: meta_envs.evaluate("random", id, episodes=2)):
        with pytest.raises(gym.error.Error) as caught:
            call(given)
        assert str(caught.value).startswith(sentence)
        assert set(re.findall(r"[\w-]+-v\d+", str(caught.value).partition(": ")[2])) <= set(meta_envs.ids())
    for words in (["info", given], ["evaluate", given], ["picture", given], ["train", given]):
        status, told = fail(monkeypatch, capsys, *words)
        assert status == 2
        assert told.startswith(f"Error: {sentence}")
        assert len(told.splitlines()) == 1
    if meant.startswith("did") and given:
        with pytest.raises(ValueError, match=r"^There is no agent at .*: did you mean Meta"):
            meta_envs.load_agent(given)


def test_near_names_are_found():
    """Whatever their case, and also those that hold the name; none where there is none."""
    assert suggest("BAYSE", ["bayes", "ucb"]) == "did you mean bayes?"
    assert suggest("thompson", ["ucb", "optimistic_thompson"]) == "did you mean optimistic_thompson?"
    assert suggest("x", ["bayes", "ucb"]) == "it is one of bayes, ucb."
    assert suggest("x", ["bayes", "ucb"], "give another.") == "give another."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", ID, "--env", f"low={'[' * 100_000}"], r"low=\[{20}\.\.\. is not possible: it is too"),
        (["evaluate", ID, "--env", f"low={'1' * 5000}"], r"low=1{20}\.\.\. is not possible: it is too"),
        (["evaluate", ID, "--env", f"low={'1' * 400}"], r"low=1+\.\.\. is not possible: give a finite number from"),
        (["evaluate", ID, "--env", "low"], r"'low' is not possible: give KEY=VALUE"),
        (["evaluate", ID, "--agent", "os:system"], r"'os:system' cannot be made \(missing a required argument"),
        (["evaluate", ID, "--agent", "..:x"], r"There is no learner '\.\.': give one of"),
        (
            ["evaluate", ID, "--env", "family=os:system"],
            r"family='os:system' is not possible: give the place of a Task",
        ),
        (["picture", "CartPole-v1"], "'CartPole-v1' is not a meta-environment"),
        (["picture", ID, "--output", "two\nlines"], r"two\\nlines is not possible: give a PNG file"),
        (["info", "nowhere.at_all:X-v0"], "There is no module 'nowhere.at_all': give one on the path"),
        (["info"], r"Missing argument 'ID'\."),
        (["reproduce", "5c", "--output"], r"Option '--output' requires an argument\."),
        (["lst"], r"No such command 'lst'\. Did you mean 'list'"),
    ],
)
def test_odd_values_get_one_sentence(words, said, monkeypatch, capsys):
    """With exit status 2, and a second line at most, which says where to read on."""
    status, told = fail(monkeypatch, capsys, *words)
    assert status == 2
    assert re.match(f"Error: {said}", told), told
    assert all(line.startswith("  ") and line.endswith("tells more.") for line in told.splitlines()[1:])


def test_what_was_not_foreseen_is_no_refusal(monkeypatch, capsys):
    """A mistake of the package's own is told with file and line, in one sentence too, and exit status 1."""

    def forget(*_: object, **__: object) -> None:
        {}["what"]

    monkeypatch.setattr(cli.environments, "describe", forget)
    status, told = fail(monkeypatch, capsys, "info", ID)
    assert status == 1
    assert told.startswith("Error: KeyError: 'what'\n  in ")
    assert told.endswith("meta-envs --traceback shows the whole way there.\n")


WITHOUT_EXTRAS = """
import inspect, pydoc, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "safetensors", "stable_baselines3", "sb3_contrib", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import meta_envs

help(meta_envs)
for folder in meta_envs._FOLDERS:
    room = getattr(meta_envs, folder)
    assert inspect.getmembers(room) and pydoc.render_doc(room), folder
assert "load_agent" not in dir(meta_envs) and "evaluate" in dir(meta_envs)
try:
    meta_envs.load_agent
except ImportError as error:
    print(error)
"""


def test_help_in_python_needs_no_extra():
    """`help`, `dir` and `inspect` go through the package and its folders where nothing optional is installed."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=True)
    assert "Meta-environments: the Gymnasium suite" in done.stdout
    assert "evaluate(" in done.stdout
    assert done.stdout.endswith("Playing a trained agent needs torch: pip install 'meta-envs[agents]'.\n")


def test_help_in_python_lists_all_that_is_installed():
    """With the extras it lists what needs them too."""
    assert "load_agent" in dir(meta_envs)
    assert "train" in dir(meta_envs.training)
