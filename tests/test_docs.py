"""What README, docs and examples say is so."""

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from dataclasses import MISSING, fields
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import gymnasium as gym
import pytest
from families import PUBLISHED_IDS
from typer.testing import CliRunner

import meta_envs
from meta_envs.cli import app, parse_pairs
from meta_envs.roster import LEARNERS
from meta_envs.training.settings import Preset

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs"))  # as for Sphinx

import pages  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = meta_envs.ids()

HEADINGS = [
    "Description",
    "Task prior",
    "Action Space",
    "Observation Space",
    "Rewards",
    "Starting State",
    "Episode End",
    "Optimum",
    "Arguments",
    "Fidelity",
    "References",
    "Version History",
]


def blocks(page, language):
    """What stands behind the language on the fence, and the code, of each fenced block."""
    fenced = re.compile(rf"^```{language}\b *(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    text = page if isinstance(page, str) else page.read_text(encoding="utf-8")
    return fenced.findall(text)


def python_blocks():
    """Every Python block that is to run, with the file that it is, if it is one, and the files that it comes after."""
    files = {}
    for page in PAGES:
        for number, (label, code) in enumerate(blocks(page, "python")):
            if label.endswith(".py") and not label.startswith("after"):
                files[label] = code
            after = label.removeprefix("after ").split() if "after" in label else []
            needed = {name: files[name] for name in after}
            if label != "no-run":
                yield pytest.param(code, needed, id=f"{page.name}-{number}")


def shell_commands(*languages, of=""):
    """Every command of the shell blocks, or those with some words in them, comments and continuations resolved."""
    texts = [text for page in PAGES for language in languages for _, text in blocks(page, language)]
    lines = "\n".join(texts).replace("\\\n", " ").splitlines()
    commands = [command for line in lines for command in line.removeprefix("$ ").split("&&") if of in command]
    return {tuple(shlex.split(command, comments=True)) for command in commands} - {()}


COMMANDS = sorted(shell_commands("console", "bash"))
META_ENVS = [words[1:] for words in COMMANDS if words[0] == "meta-envs"]
MAKE = [words[1:] for words in COMMANDS if words[0] == "make"]
SCRIPTS = [words[1] for words in COMMANDS if words[0] == "python"]


def test_documented_trainings_have_a_directory_each():
    """No block of any page meets the run of another one there, but for the same command and for --resume."""
    runs = {}
    for words in shell_commands("console", "bash", "sh", of="meta-envs train"):
        if "train" not in words or "--resume" in words:
            continue
        id = words[words.index("train") + 1]
        (seed,) = options(words, "--seed") or ["1"]
        (directory,) = options(words, "--directory") or [f"runs/{id}/seed-{seed}"]
        kept = [(option, value) for option, value in pairwise(words) if option in ("--set", "--env", "--preset")]
        runs.setdefault(directory, set()).add((id, *kept))
    assert len(runs) > 10
    assert {directory: found for directory, found in runs.items() if len(found) > 1} == {}


def run(code, folder):
    """Run Python code or a file in a process of its own, in ASCII and with warnings as errors; what it prints."""
    command = [code] if isinstance(code, Path) else ["-c", code]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    finished = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def options(words, name):
    """The values of a repeatable option."""
    return [value for option, value in pairwise(words) if option == name]


@pytest.mark.parametrize(("code", "needed"), list(python_blocks()))
def test_every_python_block_runs_as_it_stands(code, needed, tmp_path, monkeypatch):
    """Copied from the page into an empty folder, the code runs without a warning."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, content in needed.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    with patch.dict(gym.registry):
        for id in re.findall(r'\bregister\("([^"]+)"', "".join([code, *needed.values()])):
            gym.registry.pop(id, None)  # whoever made the page's example a family of the package has it already
        exec(compile(code, "page", "exec"), {"__name__": "__main__"})


def test_the_readme_shows_what_its_ten_lines_print(tmp_path):
    """The block after the ten lines is their output."""
    readme = ROOT / "README.md"
    (_, code), *_ = blocks(readme, "python")
    ((_, shown),) = blocks(readme, "text")
    assert len([line for line in code.splitlines() if line and "import " not in line]) == 10
    assert run(code, tmp_path) == shown


def test_the_quickstart_runs(tmp_path):
    """examples/quickstart.py runs anywhere, and ends with the optimum, whose score is 1."""
    printed = run(ROOT / "examples" / "quickstart.py", tmp_path)
    assert printed.splitlines()[-1].split()[-2:] == ["score", "1.000"]


@pytest.mark.parametrize("id", IDS)
def test_the_code_on_an_environments_page_runs(id):
    """It makes the environment, with nothing imported before, and is the only code there is."""
    ((_, code),) = blocks(pages.environment_page(id), "python")
    assert {"import gymnasium as gym", "import meta_envs"} < set(code.splitlines())
    made = {}
    exec(compile(code, "page", "exec"), made)
    assert made["env"].spec.id == id


@pytest.mark.parametrize("id", IDS)
def test_an_environment_has_all_headings(id):
    """The docstring of every environment's family has the headings of the house style, in their order."""
    doc = inspect.getdoc(type(meta_envs.make_family(id)))
    assert re.findall(r"^## (.*)$", doc, re.MULTILINE) == HEADINGS
    assert doc.splitlines()[0].endswith(".")
    assert not doc.splitlines()[1]


@pytest.mark.parametrize("id", IDS)
def test_an_environment_documents_every_keyword(id):
    """Under Arguments stands every field of the family with its default, and nothing else."""
    family = type(meta_envs.make_family(id))
    section = inspect.getdoc(family).partition("## Arguments\n")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"`(\w+)=([^`]*)`", "".join(re.findall(r"^- (.*?):", section, re.MULTILINE))))
    assert {name: ast.literal_eval(value) for name, value in listed.items()} == {
        field.name: field.default for field in fields(family) if field.default is not MISSING
    }


@pytest.mark.parametrize("id", PUBLISHED_IDS)
def test_the_readme_lists_what_was_published(id):
    """No environment of the first version is missing in the README, nor in the registry."""
    assert f"| `{id}` |" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert id in IDS


def test_the_readme_lists_only_what_there_is():
    """Whatever else it lists is registered; the complete list is made when the documentation is built."""
    listed = re.findall(r"^\| `(Meta[\w-]+-v\d+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(listed) <= set(IDS)
    assert len(set(listed)) == len(listed) > 0


@pytest.mark.parametrize("words", META_ENVS, ids=" ".join)
def test_every_command_parses(words):
    """Each `meta-envs` command on a page has a subcommand and options that there are."""
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("words", META_ENVS, ids=" ".join)
def test_every_command_names_what_there_is(words):
    """Ids, settings, keywords and learners in the commands of the pages exist."""
    ids = [word for word in words if re.fullmatch(r"Meta[\w-]+-v\d+", word)]
    assert set(ids) <= set(IDS)
    Preset(steps=1).change(**parse_pairs(options(words, "--set")))
    for id in ids:
        meta_envs.make_family(id, **dict.fromkeys((pair.partition("=")[0] for pair in options(words, "--env")), 5))
    for learner in options(words, "--agent"):
        assert learner.startswith("runs/") or learner.partition(":")[0] in (*LEARNERS, "agent")


@pytest.mark.parametrize("words", [words for words in META_ENVS if words[0] in ("list", "info")], ids=" ".join)
def test_cheap_commands_work(words):
    """`list` and `info` do what the pages say."""
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "MetaBandit-Dependent-v0" in result.output


@pytest.mark.parametrize(
    "words",
    [words for words in META_ENVS if words[0] == "evaluate" and "runs/" not in " ".join(words)],
    ids=" ".join,
)
def test_evaluations_without_an_agent_work(words, tmp_path, monkeypatch):
    """Evaluations of rules run as they are shown, here with few lifetimes."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*words, "--episodes", "20"])
    assert result.exit_code == 0, result.output
    for name in options(words, "--agent"):
        assert (f"{name} (greedy)" if name.startswith("agent") else name) in result.output


def test_every_make_target_exists():
    """The pages call no target that the Makefile lacks."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    mentioned = {f"make {target}" for target in re.findall(r"`make (\w[\w-]*)`", "".join(map(Path.read_text, PAGES)))}
    for target in {f"make {words[0]}" for words in MAKE} | mentioned:
        assert re.search(rf"^([\w-]+ )*{target.split()[1]}( [\w-]+)*:", makefile, re.MULTILINE), target


def test_every_script_exists():
    """Scripts that the pages run are in the repository."""
    assert [script for script in SCRIPTS if not (ROOT / script).is_file()] == []


def links(page):
    """The relative targets of a page's links and pictures."""
    found = re.findall(r"\]\(<?([^)>\s]+)>?\)", page.read_text(encoding="utf-8"))
    return [link.partition("#")[0] for link in found if not re.match(r"https?:|#|mailto:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    """The files that a page links to or shows exist."""
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_number_is_there(page):
    """No page waits for a number to be measured."""
    assert re.findall(r"{{.*?}}", page.read_text(encoding="utf-8")) == []
