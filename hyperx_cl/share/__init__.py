"""Sharing over the Hugging Face Hub: the repository's layout, what travels, what is verified, and the way there."""
