"""What must hold: named properties, used alike as proof goals, search invariants and test oracles."""
