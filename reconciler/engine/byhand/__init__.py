"""What somebody does by hand beside a plan: waiting on, stopping, going back, taking over."""
