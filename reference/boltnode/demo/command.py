"""The command ``boltnode demo``."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from boltnode.demo import cheat, together
from boltnode.demo.stage import DemoFailed, Stage, staged

HELD, BROKEN = 0, 1
"""Exit statuses."""

STORIES: Final[tuple[tuple[str, Callable[[Stage], Awaitable[None]]], ...]] = (
    ("Two nodes open a channel, pay each other and part as friends.", together.tell),
    ("They open another one; Bob cheats with an old state, and is punished.", cheat.tell),
)


def run_demo(say: Callable[[str], None] = print) -> int:
    """Tell the stories; the exit status."""
    logging.getLogger("boltnode").addHandler(logging.NullHandler())  # the story says what there is to say
    started = time.monotonic()
    try:
        asyncio.run(_tell(say))
    except DemoFailed as failure:
        print(f"boltnode: the demo failed: {failure}", file=sys.stderr)
        return BROKEN
    say(f"\nAll of it held. It took {time.monotonic() - started:.1f} s.")
    return HELD


async def _tell(say: Callable[[str], None]) -> None:
    async with staged(say) as stage:
        for title, story in STORIES:
            say(f"\n=== {title}")
            await story(stage)
