"""Dependencies that stop, crawl and fall silent under a service that real requests are sent to."""
