"""The command `testimony-archive`: a file a command. Each is thin and calls the same rooms as the API."""
