"""The week's mail: what the viewer's pages show, every number with the page it is on.

In the order of the flow: `figures` reads the published tables of a domain, `audiences` counts the
customers of saved ones, `letters` writes what is sent, and `readers` says who gets which part.
"""
