"""Fast evaluation of a circuit in C: one event as plain C, blocks of events with vector instructions."""
