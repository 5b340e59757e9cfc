"""The page: shell, controls, live path, widgets."""
