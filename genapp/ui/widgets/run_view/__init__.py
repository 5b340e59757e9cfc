"""Training runs, live: the list, one run's curves and previews, pause and stop."""

from genapp.ui.widgets.run_view.widget import run_view

__all__ = ["run_view"]
