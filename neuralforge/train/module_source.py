"""The text of a module that was not drawn here, as far as Python knows it."""

from __future__ import annotations

import ast
import inspect
import linecache
from types import FunctionType

from torch import nn

_MAX_LINES = 2000


def class_of(model: nn.Module) -> type[nn.Module]:
    """Return the class that a person knows a module by; one that `torch.compile` made stands for what is in it."""
    inner = getattr(model, "_orig_mod", None)
    return type(inner) if isinstance(inner, nn.Module) else type(model)


def source_of(model: nn.Module) -> str:
    """Return what is known of a module as text: its modules as PyTorch prints them, and the source of its classes.

    Never raises: a class without a known source is left out, and so are the classes of PyTorch itself.

    Args:
        model: The module.

    Returns:
        Python text; what is not source is in comments.
    """
    parts = [_printed(model)]
    seen: set[type] = set()
    for module in model.modules():
        kind = type(module)
        if kind not in seen:
            seen.add(kind)
            if kind.__module__.partition(".")[0] != "torch":
                parts.append(_text_of(kind))
    text = "\n\n\n".join(part for part in parts if part)
    return f"{text}\n".replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _printed(model: nn.Module) -> str:
    try:
        lines = repr(model).splitlines()
    except Exception:  # words of a person's own
        return ""
    more = ["..."] if len(lines) > _MAX_LINES else []
    return "\n".join(f"# {line}".rstrip() for line in [*lines[:_MAX_LINES], *more])


def _text_of(kind: type) -> str:
    try:
        return inspect.getsource(kind).rstrip()
    except Exception:  # a class of a notebook's cell has no file
        pass
    try:
        return _around_its_methods(kind)
    except Exception:
        return ""


def _around_its_methods(kind: type) -> str:
    """Find a class around one of its methods, whose code knows where it was read from."""
    for member in vars(kind).values():
        if not isinstance(member, FunctionType):
            continue
        lines = linecache.getlines(member.__code__.co_filename)
        first = member.__code__.co_firstlineno
        for node in ast.walk(ast.parse("".join(lines))):
            is_it = isinstance(node, ast.ClassDef) and node.name == kind.__name__
            if is_it and node.lineno <= first <= (node.end_lineno or 0):  # type: ignore[attr-defined]
                begin = min([node.lineno, *(d.lineno for d in node.decorator_list)])  # type: ignore[attr-defined]
                return "".join(lines[begin - 1 : node.end_lineno]).rstrip()  # type: ignore[attr-defined]
    return ""
