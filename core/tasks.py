"""Housekeeping of core."""
