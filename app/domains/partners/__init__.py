"""Partners sell to customers of their own: from a pool of licenses, and for commissions by their agreements.

Owns partners, partner_members, partner_customers, partner_agreements, commissions, license_pools, license_allocations and
allocated_licenses. Invariants: a pool never gives out more than it has, and what is returned is in it again; what one thing
was allocated for has one allocation; a sale earns its partner one commission, which is paid at most once and is not void
afterwards; agreements of a partner that are for the same sales do not overlap; an e-mail address is one customer of a partner.
"""
