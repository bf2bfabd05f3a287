"""What the platform is made of: one component a file, and the functions they share. `platform.py` puts them together."""
