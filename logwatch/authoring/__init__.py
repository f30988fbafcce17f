"""Helps to write rules: which lines no rule matches, how a line is parsed, what other rules would change.

    a log ─▶ line_classifier ─DockerLine─▶ coverage      which share of it rules match
                                         ─▶ grouping ─▶ suggestions ─▶ drafts      rules for the rest
    a line ─▶ explanation ─▶ nearmisses      which rules match it, which nearly do, and why
    alert files, what of them is in force ─▶ exporting      the same for a Prometheus
    a log, two sets of rules ─▶ comparison      which events and alerts are added, removed or changed

Nothing of it runs while a log is followed.
"""
