"""Timings and accuracy figures with their conditions."""
