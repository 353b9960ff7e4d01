"""Licenses: what a customer may use, told by a key that people type and by a token that a product checks offline.

Owns license_templates, licenses and license_signing_keys. Invariants: a license key exists once in the installation and
finds every two mistyped characters by itself; what one thing was issued for has one live license, however often it is
asked for; a token is signed with the owner's current key, and every key that ever signed stays published; a revoked
license never comes back.
"""
