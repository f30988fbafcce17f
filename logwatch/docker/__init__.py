"""What the engine's own files tell: names, images, storage. Read-only."""
