"""Where deployments come from: one provisioner per deployment type, behind one port.

A provisioner is asked by a reference that is known before anything is built (the tenant's slug), so that what died
half-way can be found and removed. Deploying twice yields the first deployment; destroying what is gone does no harm.
"""
