"""What a plugin author reads: hooks, records, and what the objects behind them must do.

Takes nothing from the other rooms.
"""
