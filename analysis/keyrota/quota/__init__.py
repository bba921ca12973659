"""What a provider counts: windows of calls, for the replay of logs and for the simulation."""
