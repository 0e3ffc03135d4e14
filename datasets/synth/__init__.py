"""Rendered scenes with true labels: rooms, doors, signs, extinguishers, two-wheelers and cables built by code in Blender."""
