"""Channels as the node runs them: the specification's life of a channel, with the bytes that its facts stand for.

From below:

1. `keys` (all secrets of a channel), `record` (what is durable), `scripts`, `onions`;
2. `opening_facts`, `closing_facts`, `hearing`, `speaking`: messages on the wire as the specification's facts, and back;
3. `intentions` (what we want to say of our own accord); `machine`: one channel without any input or output;
   `happenings`: what it tells the rest of the node;
4. `final_hop` (what a received HTLC pays), `policy` (what the node wants), `listing` (what users see);
5. `slot` and `floor`, which the parts of the engine share; `opening`, `paying`, `closing`, `wallet_desk`; and `turns`:
   durable first, then out;
6. `chain_watch`, `funding_watch`, `on_chain`: blocks; and `engine`, all of that together.
"""
