"""`neuralforge code`."""

from __future__ import annotations

from pathlib import Path

import click

from neuralforge.app.architecture import open_architecture, read_settings
from neuralforge.errors import UserError


@click.command()
@click.argument("arch")
@click.option("--data", metavar="DATA", help="Bind the network to a data set first.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Options of the template or data set.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to a file.")
def code(arch: str, data: str | None, settings: tuple[str, ...], output: Path | None) -> None:
    """Print a network as plain PyTorch: the very text that is trained."""
    from neuralforge.codegen.module import generate
    from neuralforge.layers.registry import catalog

    given = read_settings(settings, arch)
    info = None
    if data is not None:
        from neuralforge.data import resolve

        source, params = resolve(data, given.data)
        info = source.describe(params)
    text = generate(open_architecture(arch, info, given.template).document, catalog()).source
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror or error}.") from None
