"""How the keys of a pool are used: runs, tests against the declared rotation, power, key choice."""
