"""Deployments by Ansible: job templates of an AWX (or Automation Controller) build and remove them."""
