import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.writer_lock import WriterLockedError, single_writer

HOLDER = """
import sys, time
from pathlib import Path
from orchestration.writer_lock import single_writer
with single_writer(Path(sys.argv[1])):
    print("holding", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_process_holding(lock_file):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock_file)], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    )
    try:
        assert process.stdout.readline() == "holding\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_and_told_who_writes(tmp_path):
    lock_file = tmp_path / "warehouse" / "writer.lock"
    with another_process_holding(lock_file) as holder:
        told = rf"process {holder.pid}, since 20\d\d-.*Nothing was changed"
        with pytest.raises(WriterLockedError, match=told), single_writer(lock_file):
            pytest.fail("two writers at a time")
        assert lock_file.read_text() != "", "the refused writer wiped what the holder had written"


def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path):
    lock_file = tmp_path / "writer.lock"
    with another_process_holding(lock_file) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with single_writer(lock_file):
        pass


def test_the_lock_is_free_again_after_an_error_inside(tmp_path):
    lock_file = tmp_path / "writer.lock"
    with pytest.raises(ZeroDivisionError), single_writer(lock_file):
        _ = 1 / 0
    with single_writer(lock_file):
        pass
    assert lock_file.read_text() == ""


def test_a_child_that_outlives_the_writer_does_not_keep_the_lock(tmp_path):
    lock_file = tmp_path / "writer.lock"
    with single_writer(lock_file):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with single_writer(lock_file):
            pass
    finally:
        child.kill()
        child.wait()
