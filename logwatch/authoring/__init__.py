"""What authors of rules are told: which lines no rule knows, how a line is read, what other rules would make of a log.

    a log ─▶ surveyor ─DockerLine─▶ coverage      how much of it the rules know
                                  ─▶ grouping ─▶ suggestions ─▶ drafts      rules for what they do not
    a line ─▶ explanation ─▶ nearmisses      which rules take it, which nearly do, and why
    a log, two sets of rules ─▶ comparison      which events and alerts come, go or change

Nothing of it takes part while a log is followed.
"""
