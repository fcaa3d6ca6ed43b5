"""Channels as the node runs them: the specification's life of a channel, with the bytes that its facts stand for.

From below: `keys` (all secrets of a channel), `record` (what is durable), `scripts`, `opening_facts`, `dance_facts`,
`closing_facts` (messages of the specification as messages on the wire and back), `machine` (one channel without any
input or output), `final_hop` (what a received HTLC pays), `engine` (connections, storage, chain).
"""
