"""What is followed live: nothing lost, nothing twice, whatever happens meanwhile."""
