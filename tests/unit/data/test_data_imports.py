"""Data sets load without torch, and cheap things stay cheap to import."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import neuralforge.data", ("torch", "sklearn", "PIL", "mlxtend")),
        ("from neuralforge.data import registered; registered()", ("torch", "sklearn", "PIL", "mlxtend")),
        ("from neuralforge.data import load; load('iris')", ("torch",)),
        (
            "from neuralforge.data import load, prepare, split; r = load('moons'); prepare(r, split(r, seed=0))",
            ("torch",),
        ),
    ],
)
def test_torch_is_not_imported(code, absent):
    check = f"import sys\n{code}\nprint(','.join(n for n in {absent!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
