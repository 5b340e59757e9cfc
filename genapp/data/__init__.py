"""Data sets: where each comes from, how it is checked, arrays out."""
