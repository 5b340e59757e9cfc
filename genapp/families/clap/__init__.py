"""Zero-shot audio: sounds and captions in one space (CLAP)."""
