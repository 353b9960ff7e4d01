"""Pure decisions: who asks whom, what a ticket may hold, which team has it, how its state and its clock go on."""
