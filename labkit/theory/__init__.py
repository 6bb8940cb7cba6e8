"""Predictions of what a measure will read: closed forms, one paper or one object a file."""
