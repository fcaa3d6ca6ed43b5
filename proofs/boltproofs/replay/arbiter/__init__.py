"""Replay of the chain world: each transaction of the model made real, and every block judged by consensus.

The model of :mod:`boltspec.chain` names transactions by what they are for. Here each name gets the bytes that BOLT 3
and BOLT 5 give it (``making``), every block of the model becomes a block of Bitcoin Core's consensus code (``twin``),
and after each of them the ledger must be the UTXO set (``comparison``). ``locks`` asks consensus about every way to
spend every output one block before the model's locks open, and when they do.

Left out: how messages are signed and secrets handed over, which the replay of the update dance compares
(:mod:`boltproofs.replay`): which secrets and preimages a party knows is the model's word here. And the wallet's coins,
from which the model lets claims pay their fees: the real claims pay none, as blocks do not ask for any.
"""
