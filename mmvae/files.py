"""How every command writes: a file whole or not at all, a folder by one process at a time, and a
disk that refuses told in one sentence; and how it reads JSON, damage told in one as well."""

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmvae.errors import UserError

LOCK = ".lock"  # in a folder that a command works in
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSING = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE)
_GONE = (errno.ENOENT, errno.ENOTDIR)
_TAKEN = (errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes its place at the end, and only on success.

    Of a link it is the file that is replaced. What is no file, such as /dev/stdout or a pipe,
    is itself written to.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = Path(os.path.realpath(path))
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # such as a disk that has become read-only
            partial.unlink()
        if isinstance(error, OSError) and error.filename == str(partial):
            error.filename, error.filename2 = str(path), None  # the name that users know
        raise


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none, whenever the process is killed."""
    with whole(path) as partial:
        partial.write_bytes(content)


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        remedy: what to type where it is damaged or missing.

    Raises:
        UserError: it is missing, damaged, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {remedy}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (no JSON object); {remedy}.")
    return content


@contextlib.contextmanager
def alone(lock: Path, doing: str, instead: str) -> Iterator[None]:
    """Do something that two processes must not do at once, such as training in one directory.

    What bars the way is the kernel's lock on the file (flock), not the file: it ends with its
    process, however that ends, and on NFS with its host's lease. The file only tells who holds
    it, and is removed at the end. A file system without locks bars nobody.

    Args:
        lock: the file, in a folder that is there.
        doing: what this process does, for the others: "is training in runs/a".
        instead: what they can type.

    Raises:
        UserError: another process holds the lock.
    """
    with _locked(lock, doing, instead) as file:
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # its folder may be gone
                lock.unlink()


def _locked(path, doing, instead):
    """The lock file, open and locked."""
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with file:
                holder = file.read() or "another process"
            raise UserError(f"{holder} {doing}; wait until it ends, or {instead}.") from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                file.close()
                raise
        # One that its holder has removed in the meantime is not the lock any more.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()


def refusal(error: Exception, named: str) -> str | None:
    """The sentence for an error of a disk or a folder; None for any other.

    Libraries tell of a full disk by errors of their own, which quote the system's words.

    Args:
        named: what was to be written, where the error does not name a file.
    """
    code = error.errno if isinstance(error, OSError) else _quoted(error)
    if code in _FULL:
        advice = "free some space, or name another place"
    elif code in _REFUSING:
        advice = "allow it, or name another place"
    elif code in _GONE:
        advice = "it may have been moved or removed meanwhile: name a place that is there"
    elif code in _TAKEN:
        advice = "name another place"
    else:
        return None
    where = getattr(error, "filename", None) or named
    return f"{where}: {os.strerror(code).lower()}; {advice}."


def _quoted(error):
    words = str(error)
    return next((code for code in (*_FULL, errno.EROFS) if os.strerror(code) in words), None)
