"""An engine that has no channels, for tests of what is around it. Loaded by conftest.py, and by crashing_node.py."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from unittest.mock import create_autospec

from boltnode.engine import Engine
from boltwire.features import FeatureBits


def idle_engine() -> AbstractContextManager[Engine]:
    """As :func:`boltnode.node.running_node` takes it."""
    engine = create_autospec(Engine, instance=True)
    engine.features = FeatureBits.of(required=("var_onion_optin", "payment_secret"))
    engine.channels.return_value = ()
    return nullcontext(engine)
