"""How the data of the weights in the box are made."""
