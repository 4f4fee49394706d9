"""A trained pair used on one's own pictures: what ``ftbench embed`` and ``ftbench extract`` do.

``locate`` finds a trained cell and ``trained`` loads it; ``pictures`` and ``metadata`` read and write files;
``anysize`` marks and reads one picture; ``payloads`` spells payloads and keeps the register; ``inference`` puts
all of it together.
"""
