"""What each ordered service code does for a tenant, in which order, and how far it has come.

Owns activation_workflows (the sequences), service_activations (one per order and service code; orders by value), and
what the built-in codes set up: subscriber_realms, radius_realms and radius_nas_clients, monitoring_targets and
monitoring_checks, report_sets, enabled_triggers. Invariants: a saved sequence has no cycle and only known codes; a
tenant has at most one of each thing, so activating twice finds the first; a secret is kept sealed and named by its
reference.
"""
