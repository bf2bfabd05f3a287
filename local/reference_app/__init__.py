"""A reference application in place of the real one: Agent, health monitor and Brain, without a model.

Clients and the platform see the same interfaces, so the platform runs without the application's image.
"""
