"""Prover, explorer, ablation and replay: what is done with the specification."""
