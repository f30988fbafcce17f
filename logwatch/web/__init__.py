"""What logwatch serves over HTTP: metrics, health, pages and the API."""
