"""How lines are written: headers (rfc3164, rfc3339, rfc5424) and messages (logfmt, json)."""
