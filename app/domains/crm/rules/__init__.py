"""Pure decisions: how leads, quotes and surveys move on, what a lead is worth, what an offer costs, what may open one."""
