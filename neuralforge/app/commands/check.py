"""`neuralforge check`."""

from __future__ import annotations

import click
from rich.table import Table

from neuralforge.app.architecture import data_issues, open_architecture, read_settings
from neuralforge.app.output import json_option, print_json, size_text
from neuralforge.app.terminal import console
from neuralforge.graph.edits import as_json as edit_json
from neuralforge.graph.inference import Inference, Issue, Totals, infer_all
from neuralforge.graph.shapes import TensorType
from neuralforge.layers.registry import catalog
from neuralforge.workbench.config import TrainConfig


@click.command()
@click.argument("arch")
@click.option("--data", metavar="DATA", help="Bind the network to a data set first, or compare a file with it.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Options of the template or data set.")
@json_option
def check(arch: str, data: str | None, settings: tuple[str, ...], as_json: bool) -> int:
    """Show shapes, costs and issues of a network; exit code 1 when there are issues.

    The memory figures are for batch_size samples (64, or --set batch_size=N).
    """
    given = read_settings(settings, arch)
    info = None
    if data is not None:
        from neuralforge.data import resolve

        source, params = resolve(data, given.data)
        info = source.describe(params)
    document = open_architecture(arch, info, given.template).document
    inference = infer_all(document.graph, catalog())
    issues = inference.issues
    if info is not None:
        issues += data_issues(document, inference, info)
    totals = inference.totals(TrainConfig(**given.config).batch_size)  # type: ignore[arg-type]
    if as_json:
        print_json(_as_json(inference, totals, issues))
    else:
        _print(inference, totals, issues, document.notes)
    return 1 if issues else 0


def _as_json(inference: Inference, totals: Totals, issues: tuple[Issue, ...]) -> dict[str, object]:
    def sizes(types: object) -> dict[str, object]:
        return {port: list(kind.shape) if kind else None for port, kind in types.items()}  # type: ignore[attr-defined]

    return {
        "nodes": [
            {
                "id": node_id,
                "layer": inference.graph.nodes[node_id].layer,
                "shapes": {
                    "inputs": sizes(inference.inputs(node_id)),
                    "outputs": sizes(inference.outputs(node_id)),
                },
                "parameters": inference.cost(node_id).parameters,
                "macs": inference.cost(node_id).macs,
            }
            for node_id in inference.graph.order()
        ],
        "totals": {
            "parameters": totals.parameters,
            "trainable": totals.trainable,
            "macs": totals.macs,
            "activation_bytes": totals.activation_bytes,
            "training_bytes": totals.training_bytes,
            "batch_size": totals.batch_size,
        },
        "issues": [
            {
                "node": issue.node,
                "port": issue.port,
                "expected": issue.expected,
                "received": issue.received,
                "hint": issue.hint,
                "fixes": [edit_json(fix) for fix in issue.fixes],
            }
            for issue in issues
        ],
    }


def _print(inference: Inference, totals: Totals, issues: tuple[Issue, ...], notes: tuple[str, ...]) -> None:
    out = console()
    table = Table("node", "layer", "output", "parameters", "MACs", box=None, pad_edge=False)
    for column in (3, 4):
        table.columns[column].justify = "right"
    for node_id in inference.graph.order():
        cost = inference.cost(node_id)
        node = inference.graph.nodes[node_id]
        table.add_row(
            node_id + (" (frozen)" if node.frozen else ""),
            node.layer,
            ", ".join(_shape(kind) for kind in inference.outputs(node_id).values()),
            f"{cost.parameters:,}" if cost.parameters else "",
            f"{cost.macs:,}" if cost.macs else "",
        )
    out.print(table)
    frozen = totals.parameters - totals.trainable
    out.print(
        f"\n{totals.parameters:,} parameters ({totals.trainable:,} trainable, {frozen:,} frozen), "
        f"{totals.macs:,} MACs a sample; training at batch size {totals.batch_size} takes about "
        f"{size_text(totals.training_bytes)}, {size_text(totals.activation_bytes)} of it activations.",
    )
    for note in notes:
        out.print(f"Note: {note}")
    for issue in issues:
        out.print(f"Issue: {issue}")
        for fix in issue.fixes:
            out.print(f"  fix: {fix.label}")


def _shape(kind: TensorType | None) -> str:
    return str(kind) if kind is not None else "?"
