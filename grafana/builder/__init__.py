"""Writes grafana/dashboards/*.json: `make dashboards`.

What users get is plain JSON, reviewed here as code. Every name of a metric, every label and every value of a label
that logwatch chooses is checked against logwatch's own tables while the dashboards are built: who renames a
metric cannot leave a dashboard behind.
"""
