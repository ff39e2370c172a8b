"""Attacks and other abuse."""
