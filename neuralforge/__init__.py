"""NeuralForge: draw a neural network, train it, steer it while it trains, and replay the run bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuralforge.version import __version__ as __version__

if TYPE_CHECKING:
    from neuralforge.app.notebook.handle import Handle
    from neuralforge.app.notebook.live import Live


def open(what: Any = None, data: Any = None, **options: Any) -> Handle:
    """Open the workbench on a network and data, and return at once; the window lives on beside your code.

    It works in Jupyter, in IPython, at Python's own prompt and in a script (end that with `wait()`):
    `neuralforge.open("small_cnn", data="digits").run()`.

    Args:
        what: Name of a template ("small_cnn"), path of a document or a run, a `Document`, or an `nn.Module` of your
            own, which is trained as it is. None opens the welcome screen.
        data: Name of a data set ("digits"), a path, or the data itself: arrays or tensors (x, y), a pandas frame with
            `target`, a torch Dataset. Data that is given so is kept as a file in the folder of runs, so that a run
            can be replayed from its files alone; it stays there when runs are deleted.
        **options: `target`, the column of a frame that is to be learned; `data_options`, a mapping of options of the
            data set; `runs`, the folder of all runs; `size`, (width, height) of the window in pixels; `window`, "auto"
            (a window where there is a display), "none", "offscreen" or "null"; and any field of the configuration,
            such as `lr`, `epochs`, `steps`, `seed`.

    Returns:
        A handle to steer the run by: `run`, `pause`, `step`, `knobs`, `until`, `metrics`, `graph`, `model`,
        `run_log`, `screenshot`, `close`.

    Raises:
        UserError: When there is no such thing, or an option does not fit.
    """
    from neuralforge.app.notebook.begin import open_workbench

    return open_workbench(what, data, **options)


def live(model: Any, optimizer: Any, **bounds: Any) -> Live:
    """Put knobs, a log and a window around a training loop of your own; nothing else of the loop changes.

    `live = neuralforge.live(model, optimizer, lr=(1e-5, 1e-1), momentum=(0.0, 0.99))`, then go round
    `async for x, y in live(loader)` in a notebook (`for` in a script), with `live.log(loss=loss)` in each turn.

    Args:
        model: The `torch.nn.Module` that trains.
        optimizer: Its `torch.optim.Optimizer`. Knobs are written to it between two turns.
        **bounds: Number of the optimizer -> (least, greatest) value; none are given for the learning rate alone. And
            `name`, what the run is called; `runs`, `size` and `window` as for `open`.

    Returns:
        What goes round the loop, declares knobs (`live.knob("temperature", 1.0, 0.1, 5.0)`) and steers.

    Raises:
        UserError: When the optimizer does not have such a number.
    """
    from neuralforge.app.notebook.begin import watch_loop

    return watch_loop(model, optimizer, **bounds)
