"""Autoencoders and variational autoencoders on 28×28 pictures."""
