"""Reusable widgets: one folder each, widget.py + widget.js + widget.css."""
