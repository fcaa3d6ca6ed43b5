"""The transactions of a close as a drawing: outputs, who can spend them, with what, from which block."""

from __future__ import annotations

from collections.abc import Sequence

from boltproofs.docs.closes import CONFIRMED, WHO, Branch, Close, Output, close
from boltproofs.docs.drawing import Drawing
from boltspec.chain.conditions import Use
from boltspec.chain.enforcement import Situation

ROW = 66
"""Pixels from one way to the next."""
WIDTH = 1000
TITLES = {
    Situation.MUTUAL: ("closing", "transaction"),
    Situation.LOCAL: ("newest", "commitment", "of the node"),
    Situation.REMOTE: ("newest", "commitment", "of its peer"),
    Situation.REVOKED: ("revoked", "commitment", "of its peer"),
}
CAPTIONS = {
    Situation.MUTUAL: "Each is paid at once.",
    Situation.LOCAL: "What the node owns is delayed, so HTLCs have a second stage.",
    Situation.REMOTE: "What the node owns is not delayed, so it takes HTLCs directly.",
    Situation.REVOKED: "Red: penalties. The node can take everything, at both stages, before its peer's delay is over.",
}


def drawing(case: Situation) -> str:
    """Return the drawing of a close."""
    found = close(case)
    height = sum(map(_rows, found.outputs)) * ROW + 30
    picture = Drawing(WIDTH, height, f"Transactions of a close: {' '.join(TITLES[case])}")
    middle = height / 2
    picture.box((5, middle - 45), (105, 90), [*TITLES[case], f"block {CONFIRMED}"])
    y = 15.0
    for output in found.outputs:
        space = _rows(output) * ROW
        _draw_output(picture, output, y, middle)
        y += space
    return picture.figure(_caption(found))


def _caption(found: Close) -> str:
    return (
        f"{CAPTIONS[found.situation]} With anchors; fee {found.transaction.fee_sat:,} sat. From N: the first block that"
        " can hold it. Thick: what the node does. Made from boltspec.chain for the example of this page."
    )


def _rows(output: Output) -> int:
    return max(1, sum(max(1, len(branch.further)) for branch in output.branches))


def _draw_output(picture: Drawing, output: Output, y: float, middle: float) -> None:
    tall = _rows(output) * ROW - 14
    centre = y + tall / 2
    picture.arrow([(110, middle), (122, middle), (122, centre), (138, centre)])
    picture.box((138, y), (140, tall), [output.coin.kind.name.lower(), f"{output.coin.amount_sat:,} sat"])
    if not output.branches:
        picture.text(286, centre + 5, f"pays a wallet of {WHO[output.coin.seat].removeprefix('the ')}", "start")
    for branch in output.branches:
        _draw_branch(picture, branch, y)
        y += max(1, len(branch.further)) * ROW


def _draw_branch(picture: Drawing, branch: Branch, y: float) -> None:
    picture.arrow([(278, y + 26), (580, y + 26)], _style(branch))
    picture.text(286, y + 20, who(branch), "start", "small strong" if branch.rules else "small")
    picture.text(286, y + 42, _wrapped(branch.needs), "start", "small")
    if not branch.further:
        picture.box((580, y + 6), (135, 40), [_wallet(branch)])
        return
    stage = [branch.way.leads_to.name.lower(), f"{branch.amount_sat:,} sat"]
    picture.box((580, y + 3), (135, 46), stage)
    for index, further in enumerate(branch.further):
        level = y + 26 + index * ROW
        start = [(715.0, y + 26), (727.0, y + 26), (727.0, level), (748.0, level)]
        picture.arrow(start, _style(further))
        picture.text(753, level - 3, who(further), "start", "small strong" if further.rules else "small")
        picture.text(753, level + 14, _wrapped(further.needs), "start", "small")


def _style(branch: Branch) -> str:
    return "penalty" if branch.way.use is Use.REVOCATION else "line"


def who(branch: Branch) -> str:
    """Return who spends an output, from when on, and how."""
    spender = "anybody" if branch.spender is None else WHO[branch.spender]
    return f"{spender}, from {branch.first}: {branch.way.use.value}"


def _wallet(branch: Branch) -> str:
    return "anybody's" if branch.spender is None else ("the node's wallet", "its peer's wallet")[branch.spender]


def _wrapped(needs: Sequence[str]) -> list[str]:
    """Return what is needed in two lines at most."""
    if len(needs) > 1 and sum(map(len, needs)) > 40:
        return [f"{needs[0]},", ", ".join(needs[1:])]
    return [", ".join(needs)] if needs else ["its signature"]
