"""Runs that the search finds while the pages are built: an attack punished, and two that succeed without a rule."""

from __future__ import annotations

from functools import cache

from boltproofs.docs.markdown import block
from boltproofs.ladder import ladder
from boltproofs.replay import replay
from boltproofs.stories import NEVER_PAID, STORIES, Story
from boltproofs.trace import Trace

PUNISHED, UNWATCHED = STORIES
WRONG_SECRET = Story(
    name="wrong-secret",
    title="a secret that is not checked",
    scenario="C1-liar-A",
    without=frozenset({"B02-revoke-and-ack-r-01"}),
    asked=frozenset(),
    extra=(NEVER_PAID,),
    breaks="PenaltySafety",
)
"""The rule by which a node checks the secret that it is given is off."""


@cache
def run_of(story: Story) -> Trace:
    """Return the run; without one there is no page."""
    trace = story.find()
    if trace is None:
        raise ValueError(f"the search does not find: {story.title}")
    return trace


def shown(story: Story) -> str:
    """Return the run as a ladder."""
    trace = run_of(story)
    if trace.property is None:
        return block(ladder(trace, "make verify"))
    off = "".join(f" --without {rule}" for rule in sorted(trace.without))
    return block(ladder(trace, f"boltspec explore {trace.scenario.name}{off} --property {trace.property}"))


def replayed(story: Story) -> str:
    """Return what the embedded chain makes of the run: its transactions and what ends up in the wallets."""
    result = replay(run_of(story), "kernel")
    if result.disagreement is not None:
        raise result.disagreement
    return block(result.report)
