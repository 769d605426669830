"""The live run in the window: what the panels get of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from neuralforge.app.drivers import FrameClock
from neuralforge.app.rundesk import LiveRun, begin
from neuralforge.workbench.requests import Request
from tests.unit.train.kit import plan


async def _frames_until(live: LiveRun, clock: FrameClock, step: int) -> None:
    while live.run.session.step < step:
        await asyncio.sleep(0.001)
        clock.frame_done(0.0)
        live.tick()


def test_the_knobs_stay_the_same_object_until_one_of_them_changes(tmp_path: Path) -> None:
    async def main() -> None:
        clock = FrameClock()
        live = await begin(plan(tmp_path, steps=200), clock, lambda run: None, paused=True)
        first = live.knobs()
        old = first.values["lr"]
        assert live.knobs() is first

        live.turn("lr", 0.25, None, None)
        asked = live.knobs()
        assert asked is not first and live.knobs() is asked
        assert (asked.values["lr"], asked.in_force["lr"]) == (0.25, old)

        live.ask(Request(action="run", steps=3))
        await _frames_until(live, clock, 3)
        in_force = live.knobs()
        assert in_force is not asked and live.knobs() is in_force
        assert (in_force.values["lr"], in_force.in_force["lr"]) == (0.25, 0.25)

        live.turn("lr", -1.0, None, None)
        refused = live.knobs()
        assert refused is not in_force and refused.refusal["lr"]
        assert first.values["lr"] == old and not in_force.refusal, "what a panel was given must not change"
        await live.end(stop=True)

    asyncio.run(main())
