"""What is sold by subscription, billed and paid: plans, subscriptions and their periods, accounts, invoices, payments.

Owns plans, plan_prices, subscriptions, subscription_extensions, billing_accounts, invoice_series, invoices with their lines,
payables, payments, refunds and payment methods. Invariants: a tenant has one account, and the account one series; periods
follow the calendar and keep their anchor day; a notice goes out once per period, a period ends once, and is followed by the
next and billed once, however many look at the same time; a quote extends once; what is owed for one thing is paid once.
"""
