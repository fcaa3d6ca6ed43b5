"""Exhaustive search of small worlds, on the plain specification: shortest counterexamples to its properties."""
