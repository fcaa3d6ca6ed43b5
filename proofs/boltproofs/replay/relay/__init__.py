"""Replay on a node's mempool: channel transactions that a node relays or not, as the model's policy says.

``channel`` makes a channel's transactions with whatever fee is wanted, ``pool`` is a mempool by the model's rules
(:mod:`boltspec.chain.policy`, and the locks of :mod:`boltspec.chain.conditions`), and ``trial`` offers both the same
transactions in random order and compares answers, reasons and what waits.
"""
