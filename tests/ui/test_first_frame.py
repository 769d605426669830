"""What must not be loaded before the first frame, since it would hold it up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LATER = ("torch", "h5py", "PIL", "rich", "safetensors", "sklearn", "neuralforge.train", "neuralforge.data.registry")

SCRIPT = """
import json, sys
from pathlib import Path
from neuralforge.app.commands.open import open_window
from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.show import Shown

folder = Path(sys.argv[1])
places = Places(runs=folder / "runs", settings=folder / "settings.json", layout=None, recovery=folder / "unsaved")
shown = Shown(Desktop(places), kind="null")
shown.window.open()
drawn = shown.window.frame()
loaded = list(sys.modules)
shown.window.close()
print(json.dumps([drawn, shown.host.failures, loaded]))
"""


def test_the_first_frame_needs_little(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True)
    drawn, failures, loaded = json.loads(done.stdout.splitlines()[-1])
    assert drawn and not failures
    assert "imgui_bundle" in loaded
    assert [name for name in LATER if name in loaded] == []
