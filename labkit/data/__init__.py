"""Data: functions of settings and a generator to tensors."""
