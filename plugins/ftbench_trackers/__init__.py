"""Observers of a run that write for other tools to show: TensorBoard and MLflow."""
