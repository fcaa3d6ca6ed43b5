"""What a commitment pays and who can spend it, drawn from :data:`boltspec.outputs.PATHS` and its companions."""

from __future__ import annotations

from collections.abc import Iterator

from boltproofs.docs.drawing import Drawing
from boltproofs.docs.markdown import code, summary, table
from boltproofs.docs.requirement_links import rule_link
from boltproofs.docs.source import attribute_docstrings
from boltspec import outputs
from boltspec.enforcement import RESOLUTIONS, Situation
from boltspec.outputs import PATHS, Kind, Need, Path
from boltspec.rules import requirements

ROW = 62
"""Pixels from one path to the next."""
SECOND_STAGE = tuple(path.leads_to for paths in PATHS.values() for path in paths if path.leads_to)
"""Outputs of transactions that spend a commitment's outputs."""
NEEDS = {
    Need.SECRET: "the secret of this commitment",
    Need.PREIMAGE: "the preimage",
    Need.EXPIRY: "height above cltv_expiry",
    Need.DELAY: "to_self_delay blocks of waiting",
}
"""What a path needs, in the words of a caption."""


def kinds() -> str:
    """Return the table of outputs and of what each is."""
    meanings = attribute_docstrings(outputs, "Kind")
    return table(("output", "what it is"), ((code(kind.value), summary(meanings[kind.name])) for kind in Kind))


def paths() -> str:
    """Return the table of ways to spend each output."""
    needs = attribute_docstrings(outputs, "Need")
    rows = []
    for kind, ways in PATHS.items():
        for path in ways:
            where = code(path.leads_to.value) if path.leads_to else "the spender's wallet"
            need = summary(needs[path.need.name])
            rows.append((code(kind.value), code(path.use.value), path.spender.name.lower(), need, where))
        if not ways:
            rows.append((code(kind.value), "", "other", "Nothing: it pays a key of the wallet.", "the other's wallet"))
    return table(("output", "way to spend it", "spender", "besides its signature", "goes to"), rows)


def diagram() -> str:
    """Return the commitment transaction, its outputs and all ways from there."""
    first = [kind for kind in Kind if kind not in SECOND_STAGE]
    rows = sum(max(1, len(PATHS[kind])) for kind in first)
    drawing = Drawing(1000, rows * ROW + 20, "Outputs of a commitment transaction and who can spend them")
    middle = rows * ROW / 2 + 5
    drawing.box((5, middle - 25), (120, 50), ["commitment", "transaction"])
    y = 10.0
    for kind in first:
        height = max(1, len(PATHS[kind])) * ROW - 12
        drawing.arrow([(125, middle), (150, middle), (150, y + height / 2), (180, y + height / 2)])
        drawing.box((180, y), (120, height), [kind.value])
        for index, path in enumerate(PATHS[kind]):
            _draw_way(drawing, path, y + index * ROW)
        if not PATHS[kind]:
            drawing.text(310, y + 30, "pays the other's wallet at once", "start")
        y += height + 12
    return drawing.figure(
        "Owner: whose commitment is on chain. Other: its peer. Drawn from boltspec.outputs.PATHS; anchors are left out."
    )


def _draw_way(drawing: Drawing, path: Path, y: float) -> None:
    style = "penalty" if path.need is Need.SECRET else "line"
    drawing.arrow([(300, y + 25), (590, y + 25)], style)
    drawing.text(310, y + 19, f"{path.spender.name.lower()}, with", "start", "small")
    drawing.text(310, y + 41, NEEDS[path.need], "start", "small")
    if path.leads_to is None:
        drawing.box((590, y + 5), (130, 40), [f"{path.spender.name.lower()}'s wallet"])
        return
    drawing.box((590, y + 5), (130, 40), [path.leads_to.value])
    for index, further in enumerate(PATHS[path.leads_to]):
        target = y + 14 + index * 24
        drawing.arrow([(720, target), (770, target)], "penalty" if further.need is Need.SECRET else "line")
        drawing.text(776, target + 4, f"{further.spender.name.lower()}, with {_short(further.need)}", "start", "small")


def _short(need: Need) -> str:
    return {Need.SECRET: "the secret", Need.DELAY: "to_self_delay"}.get(need, NEEDS[need])


def enforcement() -> str:
    """Return what an honest node does with each output, with the rule that tells it so."""
    return table(("on chain is", "output", "the node spends it by", "because of"), _resolutions())


def _resolutions() -> Iterator[tuple[str, str, str, str]]:
    for situation in Situation:
        for (case, kind), ways in RESOLUTIONS.items():
            if case is not situation:
                continue
            for index, (rule, use) in enumerate(ways):
                preferred = "" if index == 0 else "failing that: "
                because = f"{rule_link(rule)} {requirements()[rule].summary}"
                yield f"a {case.value}", code(kind.value), f"{preferred}{code(use.value)}", because
