"""Sequence to sequence with recurrent networks: a bottleneck, and the attention that opens it."""
