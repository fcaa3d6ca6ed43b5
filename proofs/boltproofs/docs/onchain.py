"""What a commitment pays and who can spend it, drawn from :data:`boltspec.chain.conditions.CONDITIONS`."""

from __future__ import annotations

from collections.abc import Iterator

from boltproofs.docs.drawing import Drawing
from boltproofs.docs.markdown import code, summary, table
from boltproofs.docs.requirement_links import rule_link
from boltproofs.docs.source import attribute_docstrings
from boltspec.chain import conditions
from boltspec.chain.conditions import CONDITIONS, Condition, Keys, Kind, Lock
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.rules import requirements

ROW = 62
"""Pixels from one way to the next."""
SECOND_STAGE = (Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
"""Outputs of transactions that spend a commitment's outputs."""
SHOWN = tuple(kind for kind in Kind if kind not in (Kind.FUNDING, Kind.WALLET))
"""Kinds of outputs that stem from a commitment."""
SPENDERS = {Keys.OWNER: "owner", Keys.OTHER: "other", Keys.BOTH: "owner", Keys.ANYONE: "anybody"}
"""Who uses a way: what both have signed in advance is the owner's to broadcast."""
LOCKS = {
    Lock.ONE_WITH_ANCHORS: "a block of waiting (with anchors)",
    Lock.TO_SELF_DELAY: "to_self_delay blocks of waiting",
    Lock.SIXTEEN: "16 blocks of waiting",
}
CASES = {
    Situation.LOCAL: "its own commitment",
    Situation.REMOTE: "its peer's commitment",
    Situation.REVOKED: "a revoked commitment of its peer",
}


def kinds() -> str:
    """Return the table of outputs and of what each is."""
    meanings = attribute_docstrings(conditions, "Kind")
    return table(("output", "what it is"), ((name_of(kind), summary(meanings[kind.name])) for kind in SHOWN))


def name_of(kind: Kind) -> str:
    """Return the name of a kind as the BOLT writes it."""
    return code(kind.name.lower())


def needs(way: Condition) -> list[str]:
    """Return what a way needs besides the spender's signature."""
    found = ["the other's signature, made in advance"] if way.keys is Keys.BOTH else []
    found += ["the secret of this commitment"] if way.secret else []
    found += ["the preimage"] if way.preimage else []
    found += ["height above cltv_expiry"] if way.expiry else []
    return found + ([LOCKS[way.lock]] if way.lock in LOCKS else [])


def paths() -> str:
    """Return the table of ways to spend each output."""
    rows = []
    for kind in SHOWN:
        for way in CONDITIONS[kind]:
            where = "a wallet" if way.leads_to is Kind.WALLET else name_of(way.leads_to)
            rows.append((name_of(kind), code(way.use.value), SPENDERS[way.keys], ", ".join(needs(way)), where))
    return table(("output", "way to spend it", "spender", "besides its signature", "goes to"), rows)


def diagram() -> str:
    """Return the commitment transaction, its outputs and all ways from there."""
    first = [kind for kind in SHOWN if kind not in SECOND_STAGE]
    rows = sum(len(CONDITIONS[kind]) for kind in first)
    drawing = Drawing(1000, rows * ROW + 20, "Outputs of a commitment transaction and who can spend them")
    middle = rows * ROW / 2 + 5
    drawing.box((5, middle - 25), (120, 50), ["commitment", "transaction"])
    y = 10.0
    for kind in first:
        height = len(CONDITIONS[kind]) * ROW - 12
        drawing.arrow([(125, middle), (140, middle), (140, y + height / 2), (160, y + height / 2)])
        drawing.box((160, y), (140, height), [kind.name.lower()])
        for index, way in enumerate(CONDITIONS[kind]):
            _draw_way(drawing, way, y + index * ROW)
        y += height + 12
    return drawing.figure("Owner: whose commitment is on chain. Other: its peer. Drawn from boltspec.chain.conditions.")


def _draw_way(drawing: Drawing, way: Condition, y: float) -> None:
    drawing.arrow([(300, y + 25), (590, y + 25)], _style(way))
    drawing.text(310, y + 19, f"{SPENDERS[way.keys]}: {way.use.value}", "start", "small")
    wanted = [need for need in needs(way) if way.keys is not Keys.BOTH or "signature" not in need]
    drawing.text(310, y + 41, ", ".join(_short(need) for need in wanted) or "its signature", "start", "small")
    if way.leads_to is Kind.WALLET:
        drawing.box((590, y + 5), (130, 40), [f"{SPENDERS[way.keys]}'s wallet"])
        return
    drawing.box((590, y + 5), (130, 40), [way.leads_to.name.lower()])
    for index, further in enumerate(CONDITIONS[way.leads_to]):
        target = y + 14 + index * 24
        drawing.arrow([(720, target), (770, target)], _style(further))
        needed = ", ".join(_short(need) for need in needs(further))
        drawing.text(776, target + 4, f"{SPENDERS[further.keys]}, with {needed}", "start", "small")


def _style(way: Condition) -> str:
    return "penalty" if way.secret else "line"


def _short(need: str) -> str:
    return need.removesuffix(" of this commitment").removesuffix(" blocks of waiting").removesuffix(" (with anchors)")


def enforcement() -> str:
    """Return what an honest node does with each output, with the rules that tell it so."""
    return table(("on chain is", "output", "the node spends it by", "because of"), _resolutions())


def _resolutions() -> Iterator[tuple[str, str, str, str]]:
    for situation, confirmed in CASES.items():
        for (case, kind), ways in RESOLUTIONS.items():
            if case is not situation:
                continue
            for index, (rules, use) in enumerate(ways):
                preferred = "" if index == 0 else "failing that: "
                because = "; ".join(f"{rule_link(rule)} {requirements()[rule].summary}" for rule in rules)
                yield confirmed, name_of(kind), f"{preferred}{code(use.value)}", because
