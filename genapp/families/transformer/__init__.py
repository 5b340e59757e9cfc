"""The encoder–decoder Transformer of "Attention Is All You Need", as a translator."""
