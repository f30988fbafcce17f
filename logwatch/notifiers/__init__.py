"""Where alerts are sent: one file per kind of receiver."""
