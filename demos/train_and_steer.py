"""Train a small network on real handwritten digits, turn knobs on the way, and replay the run bit for bit."""

from neuralforge.app.planning import make_plan
from neuralforge.train.launch import replay, start
from neuralforge.workbench.requests import Request

run = start(make_plan("small_cnn", "digits", epochs=4, threads=1))
session = run.session

# A script says beforehand when a knob is to turn; a hand on a slider asks at any time, in the same way.
session.request(Request(changes={"lr": 3e-3}, at_step=20, actor="script"))
session.request(Request(changes={"conv1.frozen": True, "drop.dropout": 0.1}, at_step=40, actor="script"))

for pulse in session.steps():  # a plain generator: whoever pumps it cannot change the numbers
    if pulse.kind == "step" and pulse.step % 20 == 0:
        print(f"step {pulse.step:3}  loss {pulse.loss:.3f}")

print(f"test accuracy {session.metrics['test/accuracy']:.3f}, written to {run.folder}")

result = replay(run.folder)
assert result.identical
print(f"replayed to identical weights {result.weights_sha256[:16]}")
