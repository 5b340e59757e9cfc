"""Pages that belong to no single family."""
