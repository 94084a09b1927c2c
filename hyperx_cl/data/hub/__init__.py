"""Labelled sentences and text from the Hugging Face Hub, written as an ordinary data root."""
