"""The message reference, made by :mod:`boltwire.messages.reference` from the table that the codec uses."""

from __future__ import annotations

from boltproofs.docs.markdown import from_docstring, heading
from boltwire.messages import reference


def page() -> str:
    """Return the page of all messages."""
    introduction = (
        "Every message, its fields in the order of the wire, and the features that they depend on. Numbers in the first"
        " column are TLV types; fields without one are in the fixed part.\n"
    )
    return "\n".join([heading(1, "Messages on the wire"), introduction, from_docstring(reference())])
