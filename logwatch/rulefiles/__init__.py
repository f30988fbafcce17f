"""Rule files: their schema, where each mistake stands, and what their examples prove."""
