"""The command `neuralforge`: its subcommands, and what becomes of errors.

Each subcommand lies in a file of its own and is imported when it is called, so that those which need no torch start
without it.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from pathlib import Path

import click

from neuralforge.app.output import printable
from neuralforge.errors import UserError
from neuralforge.version import __version__

COMMANDS = {
    "open": "Open the window; `neuralforge PATH` does the same.",
    "train": "Train a network, or go on with a run.",
    "replay": "Run a run again from its log and compare every number.",
    "runs": "List, show, export or delete runs.",
    "check": "Show shapes, costs and issues of a network.",
    "code": "Print a network as plain PyTorch.",
    "export": "Export the network of a run to another format.",
    "layers": "List the layers.",
    "templates": "List the templates.",
    "datasets": "List the data sets.",
    "devices": "List the devices.",
    "doctor": "Say what of the system is missing.",
}


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name == "open":
            from neuralforge.app.commands.open import open_window

            return open_window
        module = "lists" if cmd_name in ("layers", "templates", "datasets", "devices") else cmd_name
        command: click.Command = getattr(importlib.import_module(f"neuralforge.app.commands.{module}"), cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take options that are not the group's own for those of the window: `neuralforge --exit`."""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and args[0].startswith("-") and args[0] not in own:
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take what is no subcommand for a path to open."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            path = Path(args[0])
            if not path.exists() and not args[0].endswith(".json"):
                near = difflib.get_close_matches(args[0], COMMANDS, n=1)
                hint = f"did you mean {near[0]}?" if near else "neuralforge --help lists the commands."
                raise UserError(f"No such command and no such file: {args[0]!r:.80}; {hint}")
            return "open", self.get_command(ctx, "open"), args
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    subcommand_metavar="[PATH | COMMAND [ARGS]...]",
)
@click.version_option(__version__, prog_name="neuralforge")
@click.pass_context
def cli(ctx: click.Context) -> int | None:
    """Draw a neural network, train it, steer it while it trains, and replay the run bit for bit.

    Without a command, the window opens; PATH is a document or the folder of a run.

    ARCH is a template (see `neuralforge templates`) or a file `*.nf.json`. DATA is a data set (see `neuralforge
    datasets`) or the path of a CSV file, an .npz file or a folder of images. RUN is the id of a run, the beginning of
    one, "last", or a path. `--debug` anywhere shows the traceback of an error.
    """
    if ctx.invoked_subcommand is None:
        from neuralforge.app.commands.open import open_window

        code: int | None = ctx.invoke(open_window)
        return code
    return None


def main() -> None:
    """Run the command line and end the process with its exit code.

    0: done; 1: what was checked or replayed is not right, or a run failed; 2: bad input, told in one sentence on
    standard error; 3: the display of the window went away, and nothing else was wrong; 130: interrupted.
    """
    arguments = [item for item in sys.argv[1:] if item != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        code = cli.main(arguments, prog_name="neuralforge", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        sys.exit(2)
    except click.ClickException as error:
        _say(error.format_message(), error if debug else None)
        sys.exit(2)
    except UserError as error:
        _say(str(error), error if debug else None)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted.", None)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); what is left unsaid cannot be said to anyone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        _say(
            f"{type(error).__name__}: {error} (this is a fault of NeuralForge; --debug shows where)",
            error if debug else None,
        )
        sys.exit(2)


def _say(sentence: str, error: BaseException | None) -> None:
    if error is not None:
        traceback.print_exception(error)
    click.echo(f"neuralforge: {printable(' '.join(sentence.split()))}", err=True)
