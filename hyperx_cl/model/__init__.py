"""The model: a hypernetwork that writes the adapters of a frozen multilingual transformer."""
