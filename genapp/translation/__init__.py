"""What every translator shares, whatever its architecture: vocabulary, search, scores, recipe."""
