"""The same loop with two sliders, a pause and a curve, by the pattern of Dear ImGui Bundle's notebooks.

A function draws a frame, `immapp.nb.start` calls it again and again as a task of the notebook's event loop, both share
a dict, and the training loop gives way with `await asyncio.sleep(0)` in each turn.
"""

import asyncio

import numpy as np
from imgui_bundle import hello_imgui, imgui, immapp, implot


async def train(model, optimizer, criterion, batches, passes):
    state = {"lr": 0.05, "momentum": 0.9, "paused": False, "losses": []}

    def gui():
        logarithmic = imgui.SliderFlags_.logarithmic
        changed, state["lr"] = imgui.slider_float("lr", state["lr"], 1e-5, 1e-1, "%.5f", logarithmic)
        if changed:
            for group in optimizer.param_groups:
                group["lr"] = state["lr"]
        changed, state["momentum"] = imgui.slider_float("momentum", state["momentum"], 0.0, 0.99)
        if changed:
            for group in optimizer.param_groups:
                group["momentum"] = state["momentum"]
        if imgui.button("Resume" if state["paused"] else "Pause"):
            state["paused"] = not state["paused"]
        if implot.begin_plot("Loss", hello_imgui.em_to_vec2(40, 20)):
            implot.setup_axes("step", "loss", implot.AxisFlags_.auto_fit, implot.AxisFlags_.auto_fit)
            implot.plot_line("train", np.array(state["losses"][-10_000:], dtype=np.float32))
            implot.end_plot()

    immapp.nb.start(gui, window_title="Training", window_size=(900, 700), with_implot=True)
    for _ in range(passes):
        for x, y in batches:
            while state["paused"]:
                await asyncio.sleep(0.02)
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            state["losses"].append(loss.item())
            await asyncio.sleep(0)
    immapp.nb.stop()


if __name__ == "__main__":
    import os
    import tempfile

    from task import parts

    os.chdir(tempfile.mkdtemp())  # Dear ImGui writes its settings into the present folder
    asyncio.run(train(*parts(), passes=5))
