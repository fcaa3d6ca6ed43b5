"""The Lightning Network's protocol as executable rules: pure, deterministic, standard library only."""
