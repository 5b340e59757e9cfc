"""ViT: a transformer that reads a picture as a row of patches."""
