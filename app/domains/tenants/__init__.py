"""Who there is: tenants, their users, roles and sign-ins.

Owns tenants, users, roles, user_roles and refresh_tokens. Invariants: a slug, a domain and an e-mail address exist once in the
whole installation; a tenant's row belongs to who made it and is readable to itself; users and roles belong to the
tenant they act for and go with it; a refresh token works once, and a second use ends every token of its family.
"""
