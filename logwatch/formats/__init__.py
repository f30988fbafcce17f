"""How lines are written: headers (rfc3164, iso, rfc5424) and messages (logfmt, json)."""
