"""FireWarden: sees objects, reasons about fire hazards, grades them by written rules."""

__version__ = "0.1.0"
