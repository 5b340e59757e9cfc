"""Text cut into tokens, tokens turned into vectors: the arithmetic behind the Tokens lab.

No torch: plain Python, numpy, ``tokenizers`` and ``snowballstemmer``.
"""
