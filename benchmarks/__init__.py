"""Questions about the suite itself; each file's docstring opens with its answer."""
