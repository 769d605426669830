"""One writer a run: the lock file, and who is believed to be alive."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from neuralforge.runs.atomic import write_atomic
from neuralforge.runs.errors import RunLogError, reason
from neuralforge.runs.header import utc_now

if sys.platform != "win32":
    import fcntl

LOCK_NAME = "writer.lock"
_MAX_LOCK_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class LockInfo:
    """Who writes a run.

    Args:
        pid: Process id.
        host: Name of the machine.
        boot_id: Id of the machine's boot, "" where the system has none.
        namespace: Space in which the process id counts (a container has its own), "" where there is none.
        process_start: When the process began, in the system's ticks, "" where unknown.
        token: Random text, so that a writer knows its own lock again.
        utc: When the lock was taken.
    """

    pid: int
    host: str
    boot_id: str
    namespace: str
    process_start: str
    token: str
    utc: str


def _this_process() -> LockInfo:
    boot_id = namespace = ""
    with suppress(OSError):
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return LockInfo(
        pid=os.getpid(),
        host=socket.gethostname(),
        boot_id=boot_id,
        namespace=namespace,
        process_start=_process(os.getpid())[1],
        token=secrets.token_hex(8),
        utc=utc_now(),
    )


def _process(pid: int) -> tuple[bool, str]:
    """Return whether a process of this machine lives, and when it began ("" where unknown)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False, ""
    except OSError:
        pass
    else:
        # The name in brackets may hold spaces; the state is the first field after it, the start the 20th.
        after = text.rpartition(")")[2].split()
        if len(after) > 19:
            # A killed process that nobody has waited for yet (a zombie) writes no more.
            return after[0] not in "ZXx", after[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False, ""
    except OSError:
        return True, ""
    return True, ""


def holder(folder: Path) -> LockInfo | None:
    """Return what the lock of a run says.

    Args:
        folder: The folder of the run.

    Returns:
        The lock, or None when there is none or it cannot be understood (as after a power cut).
    """
    try:
        if not stat.S_ISREG((folder / LOCK_NAME).lstat().st_mode):
            return None  # a pipe that a stranger put there would be waited for
        with (folder / LOCK_NAME).open("rb") as file:
            found = json.loads(file.read(_MAX_LOCK_BYTES))
        values = {item.name: found[item.name] for item in fields(LockInfo)}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    pid = values.pop("pid")
    if type(pid) is not int or pid <= 0:
        return None
    # The texts reach the terminal in a refusal, so nothing that could steer a terminal is believed.
    if not all(isinstance(value, str) and value.isprintable() for value in values.values()):
        return None
    return LockInfo(pid=pid, **values)


def is_elsewhere(info: LockInfo) -> bool:
    """Say whether the writer is on another machine or in another container, where it cannot be looked for."""
    here = _this_process()
    return info.host != here.host or info.namespace != here.namespace


def is_alive(info: LockInfo) -> bool:
    """Say whether a writer is to be taken as alive.

    Args:
        info: Its lock.

    Returns:
        True while its process runs; True as well for another machine, since nobody can tell from here.
    """
    here = _this_process()
    if info.host != here.host:
        return True
    if info.boot_id != here.boot_id:
        return False
    if info.namespace != here.namespace:
        return True
    lives, process_start = _process(info.pid)
    return lives and process_start == info.process_start


def live_holder(folder: Path) -> LockInfo | None:
    """Return the writer of a run when there is one and it is to be taken as alive."""
    info = holder(folder)
    return info if info is not None and is_alive(info) else None


def refusal(folder: Path, info: LockInfo, deed: str) -> RunLogError:
    """Return the error that names the writer which is in the way.

    Args:
        folder: The folder of the run.
        info: Its writer.
        deed: What cannot be done now, for example "be resumed".

    Returns:
        The error to raise.
    """
    text = f"Run {folder.name} cannot {deed}: process {info.pid} on {info.host} writes it since {info.utc}"
    if is_elsewhere(info):
        lock = folder / LOCK_NAME
        text += f"; it cannot be seen from here whether that still runs. If it does not, remove {lock}"
    return RunLogError(text + ".")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold back every other process that takes the lock of this run or completes its file.

    The system lets go of it when the process dies, so it never goes stale; it guards short work only.

    Args:
        folder: The folder of the run.

    Yields:
        Nothing.

    Raises:
        OSError: The folder cannot be opened.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems know no such locks; the lock file alone has to do there.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class WriterLock:
    """The lock of a run, held by this process until `release`.

    Args:
        folder: The folder of the run, which exists.

    Raises:
        RunLogError: Another writer has it, or the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self.info = _this_process()
        data = json.dumps(asdict(self.info), indent=1).encode("utf-8")
        try:
            with exclusive(folder):
                other = holder(folder)
                if other is not None and is_alive(other):
                    raise refusal(folder, other, "be written")
                if other is None and not self.path.exists():
                    _create(self.path, data)
                else:
                    write_atomic(self.path, data)
        except FileExistsError:
            raise RunLogError(f"Run {folder.name} cannot be written: another writer has just taken it.") from None
        except OSError as error:
            raise RunLogError(f"The lock {self.path} cannot be written: {reason(error)}.") from None

    def is_ours(self) -> bool:
        """Say whether the lock on the disk is still this one."""
        found = holder(self.path.parent)
        return found is not None and found.token == self.info.token

    def release(self) -> None:
        """Remove the lock if it is still ours; more than once is harmless."""
        if self.is_ours():
            with suppress(OSError):
                self.path.unlink()


def _create(path: Path, data: bytes) -> None:
    """Make the lock file with its content at once, or raise FileExistsError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:
            # File systems without links: made exclusively, then filled.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
    finally:
        with suppress(OSError):
            temporary.unlink()
