"""Contract tests and fakes for those who write a provider or a store of their own."""
