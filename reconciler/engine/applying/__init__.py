"""What carries a plan out: intents, trainings with their gates, sharing and removal."""
