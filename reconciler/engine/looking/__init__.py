"""What only looks: it reads manifests, lockfile and remote, and says what it saw or what would be done."""
