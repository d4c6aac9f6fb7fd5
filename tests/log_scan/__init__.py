"""Whatever the suite logs is looked through for what no log may hold: see `plugin`."""
