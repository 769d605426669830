"""`neuralforge layers`, `templates`, `datasets` and `devices`."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.table import Table

from neuralforge.app.output import json_option, print_json, size_text
from neuralforge.app.terminal import console
from neuralforge.graph.params import ParamField, fields_of


def described(fields: Iterable[ParamField]) -> list[dict[str, object]]:
    """Return name, default, expected form and meaning of each parameter."""
    return [
        {"name": field.name, "default": field.default, "expected": field.expected, "doc": field.doc} for field in fields
    ]


@click.command()
@json_option
def layers(as_json: bool) -> None:
    """List the layers, by category."""
    from neuralforge.layers.registry import catalog

    specs = sorted(catalog(), key=lambda spec: (spec.category, spec.key))
    if as_json:
        print_json(
            [
                {
                    "key": spec.key,
                    "title": spec.title,
                    "category": spec.category,
                    "doc": spec.doc,
                    "inputs": [port.name for port in spec.ports(spec.params())],
                    "outputs": list(spec.outputs),
                    "params": described(spec.fields),
                }
                for spec in specs
            ]
        )
        return
    table = Table("layer", "category", "parameters", "what it does", box=None, pad_edge=False)
    for spec in specs:
        table.add_row(spec.key, spec.category, ", ".join(field.name for field in spec.fields), spec.doc)
    console().print(table)


@click.command()
@json_option
def templates(as_json: bool) -> None:
    """List the templates."""
    from neuralforge.graph.inference import infer_all
    from neuralforge.layers.registry import catalog
    from neuralforge.templates.registry import templates as all_templates

    found = all_templates().values()
    counts = {item.key: infer_all(item.build().graph, catalog()).totals().parameters for item in found}
    if as_json:
        print_json(
            [
                {
                    "key": item.key,
                    "title": item.title,
                    "summary": item.summary,
                    "reference": item.reference,
                    "parameters": counts[item.key],
                    "published_parameters": item.published_parameters,
                    "options": described(item.fields),
                }
                for item in found
            ]
        )
        return
    table = Table("template", "parameters", "options", "what it is", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for item in found:
        options = ", ".join(field.name for field in item.fields)
        table.add_row(item.key, f"{counts[item.key]:,}", options, item.summary)
    console().print(table)


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the data sets."""
    from neuralforge.data import registered

    sources = registered()
    if as_json:
        print_json(
            [
                {
                    "key": source.key,
                    "title": source.title,
                    "summary": source.summary,
                    "kind": source.kind,
                    "task": source.task,
                    "origin": source.origin,
                    "options": described(fields_of(source.params)),
                }
                for source in sources
            ]
        )
        return
    table = Table("data set", "kind", "task", "options", "what it holds", box=None, pad_edge=False)
    for source in sources:
        options = ", ".join(f"data.{field.name}" for field in fields_of(source.params) if field.name != "path")
        table.add_row(source.key, source.kind or "", source.task or "", options, source.summary)
    console().print(table)
    click.echo("\nA CSV file, an .npz file or a folder of images is named by its path.")


@click.command()
@json_option
def devices(as_json: bool) -> None:
    """List the devices that can train."""
    from neuralforge.train.devices import list_devices

    found = list_devices()
    if as_json:
        print_json(
            [
                {
                    "key": item.key,
                    "name": item.name,
                    "memory_bytes": item.memory_bytes,
                    "precisions": list(item.precisions),
                }
                for item in found
            ]
        )
        return
    table = Table("device", "name", "memory", "precisions", box=None, pad_edge=False)
    for item in found:
        memory = size_text(item.memory_bytes) if item.memory_bytes else ""
        table.add_row(item.key, item.name, memory, ", ".join(item.precisions))
    console().print(table)
