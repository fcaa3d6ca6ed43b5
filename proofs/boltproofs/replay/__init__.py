"""Replay: a trace of the model made concrete, and executed by Bitcoin Core's own consensus code.

Keys, signatures, secrets, transactions and blocks are real. After every move the model's ledger is compared with the
UTXO set: what descends from the funding output must be the same outputs with the same amounts, scripts and heights. In
the model a signature is a fact; here it is bytes that the receiver verifies against a transaction which it has built
itself. In the model a secret is known or not; here it is in a store, and a penalty made without it is refused.

Read :mod:`~boltproofs.replay.messages` first, then :mod:`~boltproofs.replay.lockstep` (the update dance alone) and
:mod:`boltproofs.replay.arbiter` (the chain world, in which transactions follow);
:mod:`~boltproofs.replay.scale` replays thousands of both.
"""

from boltproofs.replay.arbiter.twin import NotOnThisChain
from boltproofs.replay.chains import CHAINS, KernelPool, NoBitcoind, open_chain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.drive import replay, replay_moves
from boltproofs.replay.lockstep import Lockstep
from boltproofs.replay.model import MODEL, ModelReplay, on_the_model
from boltproofs.replay.result import ReplayResult, ReplayStep

__all__ = [
    "CHAINS",
    "MODEL",
    "Disagreement",
    "KernelPool",
    "Lockstep",
    "ModelReplay",
    "NoBitcoind",
    "NotOnThisChain",
    "ReplayResult",
    "ReplayStep",
    "on_the_model",
    "open_chain",
    "replay",
    "replay_moves",
]
