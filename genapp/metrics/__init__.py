"""Sample quality, defined once for every family."""
