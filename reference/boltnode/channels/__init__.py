"""Channels as the node runs them: the specification's life of a channel, with the bytes that its facts stand for.

From below: `keys` (all secrets of a channel), `record` (what is durable), `scripts`, `opening_facts`, `dance_facts`,
`closing_facts` (messages of the specification as messages on the wire and back), `machine` (one channel without any
input or output), `final_hop` (what a received HTLC pays), `floor` (what the parts of the engine share), `opening`, `paying`, `closing`,
`wallet_desk` (what users want), `turns` (durable first, then out), `chain_watch`, `funding_watch` and `on_chain` (blocks),
`engine` (all of that together).
"""
