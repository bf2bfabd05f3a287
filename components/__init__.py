"""What the platform is made of: a component a file, and what they share. `platform.py` puts them together."""
