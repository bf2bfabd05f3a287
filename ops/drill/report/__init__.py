"""The report of a drill: a JSON document, and a page made from it with one template."""
