"""GPT: a decoder-only transformer that writes, and every knob of how it picks the next word."""
