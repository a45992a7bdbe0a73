"""What reads text in pictures."""
