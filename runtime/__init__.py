"""Programs that run inside the clusters, in stock images: Python's standard library and the rclone binary.

They are mounted from ConfigMaps named by their content (`components/runtime_programs.py`), and started by
`start.py`. Python 3.11 and later.
"""
