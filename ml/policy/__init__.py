"""Learns from a randomised trial whom to treat with what, and says what that is worth.

In the order of the flow: `trial` is what is learned from, `rates` estimates how often each customer
would have the outcome in each arm, `worth` puts money on it and judges rules of whom to treat,
`learn` chooses between one action for all and the effects per customer, `kept` is how a learned
policy is stored.
"""
