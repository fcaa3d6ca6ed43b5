"""The properties of the specification: names, sentences, and who checks them."""

from __future__ import annotations

from collections.abc import Iterator

from boltproofs.docs.markdown import heading, table
from boltproofs.explorer.family import Family, Form, Property
from boltproofs.families import FAMILIES
from boltproofs.verify import THEOREMS

MEANINGS: dict[Form, str] = {
    Form.NODE: "Hold in every reachable state of an honest node.",
    Form.STEP: "Hold for every message that an honest node sends or takes.",
    Form.MOVE: "Hold for every move of the world.",
    Form.WORLD: "Hold in every reachable world.",
    Form.END: "Hold in every world in which nothing more can happen.",
}
"""When the properties of each form are asked."""


def properties() -> str:
    """Return all properties, by family and form."""
    return "\n".join(part for family in FAMILIES for part in _of(family))


def _of(family: Family) -> Iterator[str]:
    yield heading(2, family.title)
    for form in Form:
        stated = [one for one in family.properties if one.form is form]
        if stated:
            yield f"{MEANINGS[form]}\n"
            yield table(("property", "says", "checked by"), ((one.name, one.sentence, _by(one)) for one in stated))


def _by(one: Property) -> str:
    proof = f"[proof](#theorem-{one.name}), " if one.name in THEOREMS else ""
    return f"{proof}search"
