"""Tables from files: every value comes back, outside files are read as they are meant or refused with their name."""

import numpy as np
import pytest

from meta_envs.behaviour import TrialTable, read_csv, record_trials, stay_probabilities


def test_a_table_survives_a_csv(tmp_path):
    """Every value comes back to the last bit: whole numbers, numbers, missing ones, and awkward strings."""
    rng = np.random.default_rng(0)
    table = TrialTable(
        {
            "learner": np.array(["a, b", 'say "x"', "ucb:chi=2", "ß"]),
            "seed": np.array([2**32, 2**62, 0, -5]),
            "number": rng.normal(size=4) * 10.0 ** np.array([-300, 0, 3, 300]),
            "missing": np.array([0.1, np.nan, 3.0, np.inf]),
        }
    )
    table.to_csv(tmp_path / "new" / "table.csv")
    again = read_csv(tmp_path / "new" / "table.csv")
    assert again.names == table.names
    for name in table.names:
        assert np.array_equal(again.columns[name], table.columns[name], equal_nan=name == "missing")
        assert again.columns[name].dtype.kind == table.columns[name].dtype.kind
    recorded = record_trials("random", "MetaTwoStep-v0", episodes=3)
    recorded.to_csv(tmp_path / "table.csv")
    again = read_csv(tmp_path / "table.csv")
    assert all(np.array_equal(again[name], recorded[name]) for name in recorded.names)


PEOPLE = """subject,game,trial,choice,reward,common,rt
anna,1,1,0,1,TRUE,0.71
anna,1,2,0,0,FALSE,NA
anna,1,3,0,1,TRUE,0.50
bert,1,1,1,0,TRUE,0.93
bert,1,2,0,1,TRUE,0.44
"""
"""Both play game 1. Anna: rewarded common, stays; unrewarded rare, stays. Bert: unrewarded common, leaves."""
RENAME = {"subject": "learner", "game": "lifetime", "choice": "action"}


def test_peoples_data_go_through_the_same_functions(tmp_path):
    """A tidy CSV with other names, a byte order mark, TRUE and NA is read, and optional columns may be missing."""
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8-sig")
    table = read_csv(tmp_path / "people.csv", rename=RENAME)
    assert table["common"].tolist() == [1, 0, 1, 1, 1]
    assert np.isnan(table.columns["rt"][1])
    assert table.lifetimes().tolist() == [0, 0, 0, 1, 1]
    stay = stay_probabilities(table)
    assert stay.count.tolist() == [1, 0, 1, 1]
    assert stay.mean[[0, 2, 3]].tolist() == [1.0, 0.0, 1.0]
    assert np.isnan([stay.mean[1], stay.low[1], stay.high[1]]).all()
    shuffled = table.where(np.array([4, 1, 3, 0, 2]))
    assert stay_probabilities(shuffled).count.tolist() == [1, 0, 1, 1]
    (tmp_path / "semicolons.csv").write_text(PEOPLE.replace(",", ";"))
    assert read_csv(tmp_path / "semicolons.csv", delimiter=";", rename=RENAME)["action"].tolist() == [0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "keywords", "told"),
    [
        ("", {}, "is empty"),
        ("a,b\n1\n", {}, "Row 2 of .* has 1 values for 2 columns"),
        ("a,a\n1,2\n", {}, "several columns 'a'"),
        ("a,b\n1,2\n", {"rename": {"c": "action"}}, "no column 'c' to rename: it has a, b"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, keywords, told):
    """What is wrong, in one sentence."""
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_csv(tmp_path / "bad.csv", **keywords)


ACCENTS = PEOPLE.replace("anna", "Änne").replace("bert", "Noël")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_a_file_tells_are_read(tmp_path, encoding):
    """UTF-8, and what a mark at the beginning says."""
    (tmp_path / "people.csv").write_text(ACCENTS, encoding=encoding)
    table = read_csv(tmp_path / "people.csv", rename=RENAME)
    assert table["learner"].tolist() == ["Änne"] * 3 + ["Noël"] * 2
    assert stay_probabilities(table).count.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac-roman", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_refused_and_can_be_named(tmp_path, encoding):
    """One sentence with the file, the line, and the cure; which works."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE.replace("bert", "Noël"), encoding=encoding)
    with pytest.raises(
        ValueError, match=r"people\.csv is no.* in UTF-8, as its line [15] shows: .*read_csv\(path, enc"
    ):
        read_csv(path)
    assert read_csv(path, rename=RENAME, encoding=encoding)["learner"].tolist()[3:] == ["Noël"] * 2
    with pytest.raises(ValueError, match=r"people\.csv is not in ascii, as its line \d"):
        read_csv(path, encoding="ascii")
    with pytest.raises(ValueError, match="encoding='utf-99' is not possible"):
        read_csv(path, encoding="utf-99")


def test_decimal_commas_and_semicolons_are_read(tmp_path):
    """As a European spreadsheet writes them, with missing values and whole numbers among them, and with tabs."""
    text = "subject;rt;reward;when\nanna;0,71;1;1,5e3\nanna;NA;-0,25;2\nbert;12,125;0;,5\n"
    for written, keywords in ((text, {}), (text.replace(";", "\t"), {}), (text.replace(";", "|"), {"delimiter": "|"})):
        (tmp_path / "people.csv").write_text(written)
        table = read_csv(tmp_path / "people.csv", **keywords)
        assert np.array_equal(table.columns["rt"], [0.71, np.nan, 12.125], equal_nan=True)
        assert table["reward"].tolist() == [1.0, -0.25, 0.0]
        assert table["when"].tolist() == [1500.0, 2.0, 0.5]
    (tmp_path / "people.csv").write_text('subject,rt\nanna,"0,71"\nbert,"0,5"\n')
    assert read_csv(tmp_path / "people.csv")["rt"].tolist() == [0.71, 0.5]


@pytest.mark.parametrize("values", ["1,250 2,500", "1.234,5 2,5", "0.5 0,5", "1,250,000 0,5", "$1 $2", "50% 20%"])
def test_numbers_that_may_be_others_stay_words(tmp_path, values):
    """Thousands are not taken for decimals nor the other way, and whoever needs the column says so."""
    rows = "".join(f"{place};{value}\n" for place, value in enumerate(values.split()))
    (tmp_path / "people.csv").write_text("lifetime;reward\n" + rows)
    table = read_csv(tmp_path / "people.csv").with_columns(trial=[1, 1], action=[0, 1], common=[1, 1])
    assert table["reward"].tolist() == values.split()
    with pytest.raises(
        ValueError,
        match=r"finite numbers in the column 'reward' .*, and row [12] of the table from .*people\.csv has '",
    ):
        stay_probabilities(table)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        ("TRUE FALSE NA", [1, 0, np.nan]),
        ("true False yes no", [1, 0, 1, 0]),
        ("NaN n/a <NA> null None #N/A", [np.nan] * 6),
        ("1 NA 3", [1, np.nan, 3]),
        ("inf -Infinity 1", [np.inf, -np.inf, 1]),
        ("1_1 11", ["1_1", "11"]),
        ("1e400 1", ["1e400", "1"]),
        ("12345678901234567890 12345678901234567891", ["12345678901234567890", "12345678901234567891"]),
        ("TRUE maybe", ["TRUE", "maybe"]),
        ("common rare", ["common", "rare"]),
    ],
)
def test_texts_become_what_they_say(tmp_path, texts, numbers):
    """Truth values beside missing ones, missing ones of R and pandas; ids that numbers would confuse stay apart."""
    (tmp_path / "table.csv").write_text("x\n" + "\n".join(texts.split()) + "\n")
    found = read_csv(tmp_path / "table.csv").columns["x"].tolist()
    assert found == pytest.approx(numbers, nan_ok=True) if isinstance(numbers[0], float | int) else found == numbers


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n\n1,2,3\n", "Row 4 of .*people.csv has 3 values for 2 columns: .*decimal points"),
        (b"a,b\n0,5,1\n", "Row 2 of .*people.csv has 3 values for 2 columns: .*decimal points"),
        (b'a,b\n"1,2\n3,4\n', r"Row \d of .*people.csv cannot be read .*quotation mark"),
        (b"PK\x03\x04\x00\x00", "people.csv is no text in UTF-8, as its line 1 shows: save the table as CSV"),
        (b"\xff\xfea", "people.csv is not in UTF-16, as its line 1"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_name_and_line(tmp_path, content, told):
    """Decimal commas between commas, a quotation mark without its other, a spreadsheet."""
    (tmp_path / "people.csv").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_csv(tmp_path / "people.csv")
    with pytest.raises(ValueError, match="delimiter='::' is not possible: give one character"):
        read_csv(tmp_path / "people.csv", delimiter="::")


def test_infinities_are_refused_with_the_file(tmp_path):
    """They are read, since a column that nobody needs may have them; who needs it names the file, row and value."""
    path = tmp_path / "people.csv"
    path.write_text("subject,game,trial,choice,reward,common\n1,1,1,0,inf,1\n1,1,2,0,1,1\n1,1,3,0,-Inf,1\n")
    table = read_csv(path, rename=RENAME)
    assert table["reward"].tolist() == [np.inf, 1.0, -np.inf]
    for rows, told in (
        (table, "row 1 of the table from .*people.csv has inf: "),
        (table.where([1, 2]), "row 2 .* has -inf"),
    ):
        with pytest.raises(ValueError, match=told):
            stay_probabilities(rows.with_columns(more=rows["trial"]))
