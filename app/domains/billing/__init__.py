"""What tenants are billed: accounts, invoice numbers, subscriptions and their periods.

Owns billing_accounts, invoice_series and subscriptions. Invariants: a tenant has one account, and the account one
series; periods follow the calendar and keep their anchor day; a notice goes out once per period and a period ends once,
however many look at the same time.
"""
