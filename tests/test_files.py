"""Files are whole or refused: what is written over what, and that no bit of what is read again can change unseen."""

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults import flips

import meta_envs
from meta_envs.agents.tensors import pack, unpack
from meta_envs.behaviour import TrialTable, read_csv
from meta_envs.evaluation.cards import load_cards, save_cards
from meta_envs.files import BLANK, DEEPEST, parse_json, require_seal, seal, write_atomically
from meta_envs.plots import new_figure, save_figure

ID = "MetaBandit-Dependent-v0"
NO_CARDS = r"cards\.json holds no whole scorecards \(.*\): evaluate again, or copy it again\.$"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    """What nobody else could read stays so."""
    file = tmp_path / "cards.json"
    file.write_text("old")
    file.chmod(mode)
    write_atomically(file, b"new")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", mode)
    assert [*tmp_path.iterdir()] == [file]


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    """As of any other program: what the mask leaves."""
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "new", b"new")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("there", [True, False])
def test_of_a_link_the_target_is_written(there: bool, tmp_path: Path) -> None:
    """Also through another link, and where the target is not there yet."""
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target"
    if there:
        target.write_text("old")
    (tmp_path / "link").symlink_to("other")
    (tmp_path / "other").symlink_to(Path("far", "target"))
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "other").is_symlink()
    assert target.read_bytes() == b"new"
    assert [*target.parent.iterdir()] == [target]


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    """A pipe stays a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, [b"one ", b"two"])
    reader.join()
    assert (read, pipe.is_fifo()) == ([b"one two"], True)


def test_a_name_may_be_as_long_as_names_may_be(tmp_path: Path) -> None:
    """255 bytes are a name; more, or a null, are none, and the sentence has it."""
    write_atomically(tmp_path / ("é" * 127), b"new")
    for name in ("x" * 256, "a\0b"):
        with pytest.raises(OSError, match=r"cannot be written \(.*\): make room there, or give another place"):
            write_atomically(tmp_path / name, b"new")
    assert len([*tmp_path.iterdir()]) == 1


def test_threads_that_write_one_file_leave_one_of_them(tmp_path: Path) -> None:
    """Whole, and nothing beside it."""
    contents = [bytes([k]) * 100_000 for k in range(8)]
    threads = [threading.Thread(target=write_atomically, args=(tmp_path / "file", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() in contents
    assert len([*tmp_path.iterdir()]) == 1


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """Here its parts end in an error."""
    (tmp_path / "file").write_text("old")

    def parts() -> Any:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"file cannot be written \(No space left on device\)"):
        write_atomically(tmp_path / "file", parts())
    assert (tmp_path / "file").read_text() == "old"
    assert len([*tmp_path.iterdir()]) == 1


def test_what_makes_the_content_fails_in_its_own_words(tmp_path: Path) -> None:
    """As a learner may whose trials are written: that is not for want of room."""
    (tmp_path / "file").write_text("old")
    with pytest.raises(ValueError, match=r"^invalid literal"):
        write_atomically(tmp_path / "file", (bytes([int(word)]) for word in ("1", "x")))
    assert (tmp_path / "file").read_text() == "old"
    assert len([*tmp_path.iterdir()]) == 1


def test_every_bit_of_a_sealed_text_counts() -> None:
    """Each of all, the SHA-256 and its name among them; that a text inside looks like one does not matter."""
    inside = json.dumps({"sha256": BLANK})
    whole = seal(json.dumps({"text": inside, "sha256": BLANK, "more": [1, 2]}).encode())
    require_seal(whole)
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            with pytest.raises(ValueError, match="SHA-256"):
                require_seal(bytes(changed))
    for changed in (b"", whole[:-1], whole + b" ", whole.replace(b"1", b"2")):
        with pytest.raises(ValueError, match=r"SHA-256|empty"):
            require_seal(changed)


def test_arrays_survive_their_file() -> None:
    """Of every type, form and layout, to the last bit."""
    rng = np.random.default_rng(0)
    arrays = {
        "transposed": rng.random((3, 4)).T,
        "reversed": np.arange(5, dtype=np.uint32)[::-1],
        "truth": np.array([True, False]),
        "one": np.array(np.nan, np.float32),
        "none": np.empty((0, 3), np.int64),
    }
    found, texts = unpack(pack(arrays, card="a"))
    assert texts.keys() == {"card", "sha256"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def header(text: str, data: bytes = bytes(8)) -> bytes:
    """A file of arrays with any header."""
    return len(text).to_bytes(8, "little") + text.encode() + data


TENSOR = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut off"),
        (b"1234567", "cut off"),
        ((2**62).to_bytes(8, "little") + b"{}", "cut off"),
        (header(f'{{"a":{TENSOR},"a":{TENSOR}}}', bytes(4)), "gives 'a' twice"),
        (header("{" + '"a":{' * 2000 + "}" * 2001), "nested too deeply"),
        (header("[1]"), "no file of arrays"),
        (header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4)), "no file of arrays"),
        (header('{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}', bytes(4)), "no file of arrays"),
        (header(f'{{"__metadata__":{{"card":"x"}},"a":{TENSOR}}}', bytes(4)), "has no SHA-256"),
    ],
)
def test_what_is_no_whole_file_of_arrays_is_refused(content: bytes, message: str) -> None:
    """In a few words."""
    with pytest.raises(ValueError, match=message) as raised:
        unpack(content)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), "nested too deeply"),
        ('{"a": {"b": 1, "b": 1}}', "'b' twice"),
        ("é".encode("latin-1"), "no text in UTF-8: byte 0 is 233"),
        ('{"a": 1}'.encode("utf-16"), "no text in UTF-8"),
        ("", "Expecting value"),
        ("{", "Expecting"),
    ],
)
def test_what_is_no_json_is_refused(text: str | bytes, message: str) -> None:
    """Whatever Python's own reader does with it."""
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_flipped_bits_in_scorecards_are_found(tmp_path: Path) -> None:
    """None of 400 goes unnoticed, and the sentence has the file's name."""
    file = tmp_path / "cards.json"
    cards = meta_envs.evaluate(["random", "ucb"], ID, episodes=10, num_trials=5)
    save_cards(cards, file)
    assert load_cards(file) == cards
    for changed in flips(file.read_bytes(), 400):
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=NO_CARDS):
            load_cards(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"[3]", b"[" * 100_000, "é".encode("latin-1"), b"{", b"7", b'[{"id": 1}]', b'{"sha256": 1}'],
)
def test_what_holds_no_scorecards_is_refused(content: bytes, tmp_path: Path) -> None:
    """In one sentence with the file's name."""
    file = tmp_path / "cards.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=NO_CARDS) as raised:
        load_cards(file)
    assert "\n" not in str(raised.value)


def test_scorecards_that_were_printed_are_read_too(tmp_path: Path) -> None:
    """What ``evaluate --json`` prints is a plain list."""
    (card,) = [meta_envs.evaluate("random", ID, episodes=10, num_trials=5)]
    (tmp_path / "cards.json").write_text(json.dumps([card.to_dict()]))
    assert load_cards(tmp_path / "cards.json") == [card]


def test_flipped_bits_in_tables_of_trials_are_found(tmp_path: Path) -> None:
    """In the table, and in the SHA-256 beside it, which ``sha256sum -c`` reads too."""
    file = tmp_path / "trials.csv"
    table = TrialTable({"lifetime": np.zeros(50, int), "trial": np.arange(50), "reward": np.linspace(0.0, 1.0, 50)})
    table.to_csv(file)
    assert {path.name for path in tmp_path.iterdir()} == {"trials.csv", "trials.csv.sha256"}
    whole, beside = file.read_bytes(), tmp_path / "trials.csv.sha256"
    for changed in flips(whole, 200):
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=r"trials\.csv is not as it was written, .*trials\.csv\.sha256"):
            read_csv(file)
    file.write_bytes(whole)
    known = beside.read_bytes()
    for changed in flips(known, 50, range(64)):
        beside.write_bytes(changed)
        with pytest.raises(ValueError, match="not as it was written"):
            read_csv(file)
    beside.unlink()
    np.testing.assert_array_equal(read_csv(file)["reward"], table["reward"])


def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path: Path) -> None:
    """Of an agent, of a run's directory and of what a command writes; nothing is shown of Python's own."""
    long = "x" * 5000
    with pytest.raises(ValueError, match="There is no agent at 'x"):
        meta_envs.load_agent(long)
    with pytest.raises(ValueError, match="There is no agent at"):
        meta_envs.evaluate(f"{long}.safetensors", ID, episodes=10)
    with pytest.raises(ValueError, match="There is no learner 'x"):
        meta_envs.evaluate(long, ID, episodes=10)
    command = [sys.executable, "-m", "meta_envs.cli", "train", ID, "--directory", "y" * 300]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "cannot be written to (File name too long): choose another directory." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_figure_is_written_beside_its_place_and_moved_there(tmp_path: Path) -> None:
    """Whoever has the old picture open keeps it whole; a name without an ending gets that of PNG."""
    save_figure(new_figure(1.0, 1.0), tmp_path / "curve")
    old = tmp_path / "old.png"
    old.hardlink_to(tmp_path / "curve.png")
    before = old.read_bytes()
    save_figure(new_figure(2.0, 2.0), tmp_path / "curve.png")
    assert old.read_bytes() == before != (tmp_path / "curve.png").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"curve.png", "old.png"}


def test_names_that_no_file_can_have_are_of_no_policy() -> None:
    """Alone, and of a saved model."""
    for name, wanted in (("a" * 300 + ".onnx", "no policy"), (f"sb3_contrib:RecurrentPPO:{'a' * 300}.zip", "no model")):
        with pytest.raises(ValueError, match=f"There is {wanted} at 'aaa"):
            meta_envs.make_learner(name)
