"""Where the active files come from: generations, which snapshot wins, and what diverged."""
