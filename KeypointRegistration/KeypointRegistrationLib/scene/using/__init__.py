"""What is done with an alignment: hardened, copied, inverted, carried over to other nodes."""
