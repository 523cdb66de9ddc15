"""The reading room: HTML for people, drawn on the server from the same catalogue as the API. It does not import the API."""
