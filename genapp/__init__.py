"""Touch every classic generative model in a browser. Importing this package costs nothing."""

__version__ = "0.1.0"
