"""Where the log comes from: every source hands out `Chunk`s of whole lines."""
