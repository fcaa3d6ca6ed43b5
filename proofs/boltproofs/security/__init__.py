"""Balance security: what an honest party is sure of on chain, whatever its peer does, with the bounds of time unknown.

Read :mod:`boltproofs.security.theorems` for what is claimed, :mod:`boltproofs.security.numbers` for what is assumed of
time, :mod:`boltproofs.security.proof` for how claims are settled.
"""
