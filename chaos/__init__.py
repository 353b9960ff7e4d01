"""The fault programme: the real stack under real orders while everything that can break is broken, and then the count."""
