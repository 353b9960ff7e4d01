"""Pure decisions of the activation room: sequences, progress, and names of what is set up."""
