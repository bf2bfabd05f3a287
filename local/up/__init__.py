"""`make up`, `make preview`, `make destroy` and `make down` for the stack `local`."""
