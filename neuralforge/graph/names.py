"""Node ids: the slugs that become attributes of the generated module."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container

from neuralforge.errors import UserError

MAX_LENGTH = 64
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SLUG = re.compile(r"[a-z][a-z0-9_]*")

_MODULE_ATTRIBUTES = """
    add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to
    to_empty train training type xpu zero_grad
"""

_GRAPH_MODULE_ATTRIBUTES = """
    add_submodule code delete_all_unused_submodules delete_submodule graph meta print_readable recompile
    to_folder
"""

_NAMES_IN_SOURCE = "self torch nn math x y z u v w"

RESERVED: frozenset[str] = frozenset(f"{_MODULE_ATTRIBUTES} {_GRAPH_MODULE_ATTRIBUTES} {_NAMES_IN_SOURCE}".split())
"""Names that no node may have: attributes of `torch.nn.Module`, which a submodule would hide, and of
`torch.fx.GraphModule`, which exports go through (a test holds both against the installed torch), and names that the
generated source uses itself."""


def check_slug(text: object) -> str:
    """Return `text` when it can be a node id.

    Args:
        text: The candidate.

    Raises:
        UserError: When it is no lower-case identifier of at most 64 characters, is a Python keyword, or hides
            an attribute of `torch.nn.Module`.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH or not _SLUG.fullmatch(text):
        shown = repr(text)[:80]
        raise UserError(
            f"A node id is a lower-case name such as conv1 (letters, digits, _; at most {MAX_LENGTH}). "
            f"Received: {shown}"
        )
    if _is_reserved(text):
        raise UserError(f"The name {text!r} is taken by Python or PyTorch; a node cannot be called that.")
    return text


def slugify(text: str, taken: Container[str] = ()) -> str:
    """Make a node id out of any text, different from those in `taken`.

    Args:
        text: A title or layer key, for example "Conv 2D".
        taken: Ids in use.

    Returns:
        A valid id: the text in lower case with other characters as `_`, and a number when that is taken.
    """
    base = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[: MAX_LENGTH - 6] or "node"
    if not base[0].isalpha():
        base = f"n_{base}"
    candidate, number = base, 1
    while (
        candidate in taken or candidate in RESERVED or keyword.iskeyword(candidate) or keyword.issoftkeyword(candidate)
    ):
        number += 1
        candidate = f"{base}_{number}" if base[-1].isdigit() else f"{base}{number}"
    return candidate


def _is_reserved(name: str) -> bool:
    return name in RESERVED or keyword.iskeyword(name) or keyword.issoftkeyword(name)


def is_text(text: str) -> bool:
    """Tell whether a text can be stored and shown: no half of a surrogate pair, nothing that steers a terminal."""
    if _CONTROL.search(text):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
