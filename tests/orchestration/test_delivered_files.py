import os
import time

import pytest

from orchestration.delivered_files import SETTLING_SECONDS, look, remembered_key


@pytest.fixture
def extracts(tmp_path):
    write(tmp_path, "crm/people/a.csv", "1")
    write(tmp_path, "crm/people/b.csv", "2")
    return tmp_path


def write(root, place, content, age=3600.0):
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    at = time.time() - age
    os.utime(path, (at, at))
    return path


def test_the_key_is_made_of_names_and_contents_not_of_dates(extracts):
    before = look(extracts)
    write(extracts, "crm/people/a.csv", "1", age=99999)
    assert look(extracts).key == before.key
    assert before.files == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda root: write(root, "crm/people/c.csv", "3"),
        lambda root: write(root, "crm/people/a.csv", "9"),
        lambda root: (root / "crm/people/a.csv").rename(root / "crm/people/z.csv"),
        lambda root: (root / "crm/people/a.csv").unlink(),
    ],
    ids=["new", "changed", "renamed", "removed"],
)
def test_a_change_of_any_file_changes_the_key(extracts, change):
    before = look(extracts)
    change(extracts)
    assert look(extracts, before.cursor()).key not in (before.key, None)


def test_a_file_that_is_still_written_is_waited_for(extracts):
    write(extracts, "crm/people/c.csv", "3", age=SETTLING_SECONDS - 5)
    assert look(extracts).key is None
    assert look(extracts, clock=lambda: time.time() + 10).key is not None


def test_hidden_files_and_other_depths_are_no_deliveries(extracts):
    before = look(extracts).key
    write(extracts, "crm/people/.part", "x")
    write(extracts, "crm/notes.txt", "x")
    assert look(extracts).key == before


def test_an_unchanged_file_is_not_read_again(extracts):
    state = look(extracts)
    path = extracts / "crm/people/a.csv"
    status = path.stat()
    path.write_text("7")  # the same size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look(extracts, state.cursor()).key == state.key
    assert look(extracts).key != state.key, "without the cursor it is read"


def test_the_cursor_remembers_the_key(extracts):
    state = look(extracts)
    assert remembered_key(state.cursor()) == state.key
    assert remembered_key(None) is None
