"""Languages that firewalls speak, one module each behind one small interface."""
