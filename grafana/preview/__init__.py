"""Draws the dashboards with Grafana's own components, for the documentation and for whoever changes a panel."""
