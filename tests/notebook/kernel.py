"""A real kernel for the tests of notebooks: cells that are run, interrupted, and cut off, each within a limit."""

from __future__ import annotations

import os
import queue
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
LIMIT_SECS = 30.0
"""After which a cell, a prompt or a script counts as one that hangs."""


def surroundings(home: Path, display: str = "") -> dict[str, str]:
    """Return the environment of a process that has a home of its own, and shows its windows on a display."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "JUPYTER", "IPYTHON"))}
    kept.pop("DISPLAY", None)
    kept.pop("WAYLAND_DISPLAY", None)
    return {
        **kept,
        **({"DISPLAY": display} if display else {}),
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "NEURALFORGE_RUNS": str(home / "runs"),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TERM": "xterm",
    }


@dataclass
class Said:
    """What a cell has answered.

    Args:
        text: What it has printed, and its result as text.
        error: Name of the exception that ended it; "" for none.
        why: What that says.
        traceback: What is shown of it, as lines.
        shown: Its results in each form: MIME type -> data.
    """

    text: str = ""
    error: str = ""
    why: str = ""
    traceback: list[str] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> bool:
        """Take a message of the kernel; return whether it was the last one."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.text += content["text"]
            case "execute_result" | "display_data":
                self.shown.update(content["data"])
                self.text += content["data"].get("text/plain", "") + "\n"
            case "error":
                self.error, self.why = content["ename"], content["evalue"]
                self.traceback = "\n".join(content["traceback"]).splitlines()
            case "status":
                return bool(content["execution_state"] == "idle")
        return False


class Kernel:
    """An ipykernel in a process of its own.

    Args:
        home: Its home, with the folder of its runs.
        display: The X display of its windows; "" for none.

    Attributes:
        runs: Folder of its runs.
        below_other_cells: What was printed below a cell while another one ran.
    """

    def __init__(self, home: Path, display: str = "") -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.runs = home / "runs"
        self.below_other_cells = ""
        self._complaints = (home / "kernel.txt").open("a")
        self._manager: Any = KernelManager(kernel_name="python3", connection_file=str(home / "kernel.json"))
        self._manager.start_kernel(env=surroundings(home, display), stderr=self._complaints, cwd=str(home))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=LIMIT_SECS)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return int(self._manager.provisioner.pid)

    @property
    def is_alive(self) -> bool:
        """Whether its process lives."""
        return bool(self._manager.is_alive())

    @property
    def complaints(self) -> str:
        """What its process has written past the cells."""
        self._complaints.flush()
        return Path(self._complaints.name).read_text()

    def run(self, cell: str, *, interrupt_at: str = "", kill_at: str = "") -> Said:
        """Run a cell to its end.

        Args:
            cell: Its text.
            interrupt_at: The kernel is interrupted once when the cell has printed this.
            kill_at: The process is killed when the cell has printed this; what came until then is returned.
        """
        said, number = Said(), self._client.execute(cell, stop_on_error=False, allow_stdin=False)
        until_secs = time.monotonic() + LIMIT_SECS
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=max(0.0, until_secs - time.monotonic()))
            except queue.Empty:
                os.kill(self.pid, signal.SIGKILL)
                pytest.fail(f"The cell hangs: {cell}\n{said}\n{self.complaints}", pytrace=False)
            if message["parent_header"].get("msg_id") != number:
                if message["msg_type"] == "stream":
                    self.below_other_cells += message["content"]["text"]
                continue
            if said.take(message):
                self._client.get_shell_msg(timeout=LIMIT_SECS)
                return said
            if interrupt_at and interrupt_at in said.text:
                interrupt_at = ""
                self._manager.interrupt_kernel()
            if kill_at and kill_at in said.text:
                os.kill(self.pid, signal.SIGKILL)
                return said

    def ok(self, cell: str) -> Said:
        """Run a cell that must raise nothing."""
        said = self.run(cell)
        assert not said.error, f"{said.error}: {said.why}\n{said.text}\n{self.complaints}"
        return said

    def restart(self) -> None:
        """Restart it as the menu of a notebook does; also after it was killed."""
        self._manager.restart_kernel(now=not self.is_alive)
        self._client.wait_for_ready(timeout=LIMIT_SECS)

    def close(self) -> None:
        """Shut it down as a notebook that is closed does; it is killed when that takes too long."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        self._manager.cleanup_resources()
        self._complaints.close()
