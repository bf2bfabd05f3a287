"""What all programs under runtime/ share, and the rules that hold for each of their files."""
