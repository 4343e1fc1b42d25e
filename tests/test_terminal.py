"""What is printed can be read in any encoding and width, and names are shown as they are."""

import io
import sys

import pytest
from rich.console import Console

import meta_envs
from meta_envs import cli
from meta_envs.terminal import Page, Screen, Table, adapt, show

ID = "MetaBandit-Dependent-v0"
ENCODINGS = ["ascii", "cp437", "cp850", "cp932", "gbk", "cp949", "koi8-r", "latin-1", "utf-8"]
EVALUATE = ["evaluate", ID, "--episodes", "5", "--paired", "--agent", "thompson", "--agent", "thompson_independent"]
COMMANDS = [["--help"], ["evaluate", "--help"], ["train", "-h"], ["list"], ["info", "MetaBandit-Restless-v0"], EVALUATE]
HOSTILE = [
    "a[/b]",
    "[red]",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "two\nlines",
    "\x9b2J",
    "\u202eevil",
    "\x08\x7f",
    ":smile:",
]


@pytest.fixture
def written(monkeypatch):
    """Whatever the command line writes, in an encoding and to a width."""

    def write(*words, encoding="utf-8", columns=80):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding, newline="") for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(sys, "argv", ["meta-envs", *words])
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as left:
            cli.main()
        texts = []
        for stream in streams:
            stream.flush()
            texts.append(stream.buffer.getvalue().decode(encoding))
        return left.value.code or 0, *texts

    return write


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_prints_in_every_encoding(written, encoding):
    """Characters that it lacks have near ones, and columns stay below their headings."""
    for words in COMMANDS:
        status, out, err = written(*words, encoding=encoding)
        assert (status, err) == (0, ""), words
        assert "\\u" not in out
        assert "?" not in out.replace("[paper]?", "")
    rows = [line for line in out.splitlines() if line.startswith(" thompson")]
    plus_minus = "±" if "±".encode(encoding, "ignore") else "+-"
    assert plus_minus in rows[0]
    assert len({len(row) for row in rows[:2]}) == 1
    assert rows[0].index(plus_minus) == rows[1].index(plus_minus)


def test_a_name_that_an_encoding_lacks_is_told_apart(written):
    """Letters have no near ones: they are written as Python writes them, in errors too."""
    status, _, err = written("info", "Bandit-é-日", encoding="ascii")
    assert status == 2
    assert "'Bandit-\\xe9-\\u65e5'" in err
    assert show("\udcff", "utf-8") == "\\udcff"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_word_is_broken(written, words):
    """What stands in a narrow terminal are words of a wide one, and all of these stand there."""
    wide = set(written(*words, columns=200)[1].split())
    for columns in (40, 60, 80):
        lines = written(*words, columns=columns)[1].splitlines()
        narrow = {word for line in lines for word in line.split()}
        room = columns // 2 - 4 if words[-1] in ("--help", "-h") else columns - 4  # beside the options
        long = " ".join(word for word in wide if len(word) > room or "-" in word)
        assert [
            word for word in narrow - wide if not (word in long or word.endswith("...") or set(word) == {"─"})
        ] == []
        if words in (["list"], EVALUATE):
            assert max(len(line) for line in lines if "meta-envs info" not in line) <= columns


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("columns", [30, 80])
def test_tables_show_names_as_they_are(name, columns):
    """Neither markup nor an escape sequence in a cell, a title or a caption is obeyed, by no console."""
    table = Table(["name", "also"], ["number"], title=name, caption=name)
    table.add_row(name, name, "1.5")
    for console in (Screen(width=columns), Console(width=columns)):
        console.file = io.StringIO()
        console.print(table)
        out = console.file.getvalue()
        lines = show(name).splitlines()
        assert all(out.count(line) == 4 for line in lines), out
        assert "\x1b" not in out


@pytest.mark.parametrize("name", HOSTILE)
def test_sentences_and_pages_show_names_as_they_are(name):
    """The same in what a screen prints by itself, whatever it is told of markup."""
    screen = Screen(width=80)
    screen.file = io.StringIO()
    screen.say(name)
    assert screen.file.getvalue() == f"{show(name)}\n"
    screen.print(Page(f"# {name}"), name, markup=True)
    assert "\x1b" not in screen.file.getvalue()


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\n" not in name])
def test_refusals_show_names_as_they_are(written, name, tmp_path):
    """Whatever a word of the command line is, the refusal is one harmless sentence and what else there is to read."""
    for words in (
        ["info", name],
        [name],
        ["list", f"--{name}"],
        ["evaluate", ID, "--episodes", name],
        ["evaluate", ID, "--agent", name],
        ["evaluate", ID, "--env", f"{name}=1"],
        ["evaluate", ID, "--env", f"num_trials={name}"],
        ["evaluate", ID, "--output", str(tmp_path / name / "x")],
        ["train", ID, "--set", f"{name}=1"],
    ):
        status, out, err = written(*words)
        assert (status, out) == (2, ""), words
        assert err.startswith("Error: ")
        assert len(err.splitlines()) <= 2
        assert err.replace("\n", "").isprintable()


def test_an_agent_in_a_folder_with_markup_in_its_name_is_evaluated(written, tmp_path):
    """Its path is its name where there are several agents."""
    folder = tmp_path / "a[" / "b]"
    folder.mkdir(parents=True)
    agent = folder / "agent.safetensors"
    meta_envs.load_agent(ID).save(agent)
    status, out, _ = written("evaluate", ID, "--episodes", "2", "--agent", str(agent), "--agent", "agent")
    assert status == 0
    assert "a[/b]/agent.safetensors" in "".join(out.split())


def test_a_stream_that_cannot_be_adapted_is_left_alone():
    """Such as one of a notebook, or none at all."""
    adapt(None)
    adapt(io.StringIO())
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    adapt(stream)
    stream.write("± ─┼─ ⠋ …")
    stream.flush()
    assert stream.buffer.getvalue() == b"+- -+- * ..."
