"""What a run says of itself: names, versions, speeds, and what past runs taught."""
