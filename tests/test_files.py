"""Files whole or not at all, one process to a folder, and what a disk says in one sentence."""

import errno
import os
import signal
import socket
import subprocess
import sys

import pytest

from mmvae import files
from mmvae.errors import UserError
from support.places import ROOT

# A process that holds the lock of its argument and tells so, until it is ended.
HOLDER = """
import pathlib, sys, time
from mmvae import files
with files.alone(pathlib.Path(sys.argv[1]), "is working there", "type --out NEW"):
    print("held", flush=True)
    time.sleep(60)
"""

# One that has written half of the file of its argument, until it is ended.
WRITER = """
import pathlib, sys, time
from mmvae import files
with files.whole(pathlib.Path(sys.argv[1])) as partial:
    partial.write_bytes(b"half")
    print("half", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path):
    return tmp_path / files.LOCK


@pytest.fixture
def holder(lock):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def held_here(lock):
    return files.alone(lock, "is working there", "type --out NEW")


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "numbers.json"
    files.write_whole(path, b"old")
    with pytest.raises(RuntimeError), files.whole(path) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    with files.whole(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old", "until the block ends"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["numbers.json"]


def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "numbers.json"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", WRITER, str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert path.read_bytes() == b"old"
    files.write_whole(path, b"new")
    assert os.listdir(tmp_path) == ["numbers.json"], "what the kill left does not stay for ever"


def test_of_a_link_the_file_is_replaced(tmp_path):
    path, link = tmp_path / "numbers.json", tmp_path / "link.json"
    path.write_bytes(b"old")
    link.symlink_to(path)
    files.write_whole(link, b"new")
    assert link.is_symlink() and path.read_bytes() == b"new"


def test_what_is_no_file_is_written_to_and_stays():
    command = "import pathlib; from mmvae import files; files.write_whole(pathlib.Path({!r}), b'x')"
    for name, shown in (("/dev/stdout", b"x"), ("/dev/null", b"")):
        line = [sys.executable, "-c", command.format(name)]
        assert subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout == shown
    assert not os.path.isfile("/dev/null")


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "gone" / "numbers.json"
    with pytest.raises(FileNotFoundError) as caught:
        files.write_whole(path, b"new")
    assert caught.value.filename == str(path)


def test_the_second_process_is_told_who_is_there(lock, holder):
    told = rf"process {holder.pid} on {socket.gethostname()} is working there; .* type --out NEW"
    with pytest.raises(UserError, match=told), held_here(lock):
        pass


def test_a_killed_process_bars_nobody(lock, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock.exists(), "nothing could remove it"
    with held_here(lock):
        assert str(os.getpid()) in lock.read_text()
    assert not lock.exists()


def test_a_lock_ends_with_its_block_however_that_ends(lock):
    with pytest.raises(RuntimeError), held_here(lock):
        raise RuntimeError
    with held_here(lock), pytest.raises(UserError), held_here(lock):
        pass
    assert not lock.exists()


def test_a_folder_that_vanishes_does_not_hide_what_happened(lock):
    with held_here(lock):
        lock.unlink()
    with pytest.raises(FileNotFoundError), held_here(lock.parent / "gone" / "lock"):
        pass


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "x"), "--out a: no space left on device; free some space"),
        (OSError(errno.EDQUOT, "x"), "--out a: disk quota exceeded; free some space"),
        (OSError(errno.EROFS, "x", "b/c.png"), "b/c.png: read-only file system; allow it"),
        (PermissionError(errno.EACCES, "x", "b"), "b: permission denied; allow it"),
        (FileNotFoundError(errno.ENOENT, "x", "b"), "b: no such file or directory; it may have"),
        (FileExistsError(errno.EEXIST, "x", "b"), "b: file exists; name another place"),
        (OSError(errno.ENAMETOOLONG, "x", "b"), "b: file name too long; name another place"),
        (RuntimeError("b.tfrecord; No space left on device"), "--out a: no space left on device"),
        (BrokenPipeError(errno.EPIPE, "x"), None),
        (ValueError("Permission denied to divide"), None),
    ],
)
def test_a_disk_that_refuses_is_told_in_one_sentence(error, sentence):
    told = files.refusal(error, "--out a")
    assert told is None if sentence is None else told.startswith(sentence)
