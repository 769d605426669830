"""Options of a template: from text, as the command line gives it, and as fields for help and forms."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from neuralforge.errors import UserError
from neuralforge.graph.params import ParamError, ParamField, parse
from neuralforge.templates.template import Template

O = TypeVar("O")  # noqa: E741


def option_fields(template: Template[O]) -> tuple[ParamField, ...]:
    """Return the options of a template, for help and forms.

    Args:
        template: The template.

    Returns:
        Name, kind, default, bounds and meaning of each.
    """
    return template.fields


def parse_options(template: Template[O], texts: Mapping[str, str]) -> O:
    """Make the options of a template out of texts, `{"hidden": "256,128", "dropout": "0.2"}`.

    Args:
        template: The template.
        texts: Name of an option -> its text; the others keep their defaults.

    Returns:
        The checked options.

    Raises:
        UserError: For a name that is no option, or a text that does not fit; names option, expected and received.
    """
    known = {item.name: item for item in template.fields}
    values: dict[str, object] = {}
    for name, text in texts.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            listed = ", ".join(known) or "none"
            raise UserError(f"There is no option '{name}'{hint} of {template.key}; its options: {listed}.")
        try:
            values[name] = known[name].read(text)
        except ParamError as error:
            raise UserError(
                f"Option '{name}' of {template.key} must be {error.expected}. Received: {text!r:.80}"
            ) from None
    options: O = parse(template.options, template.fields, values)
    return options
