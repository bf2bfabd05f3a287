"""A stand-in for the application: Agent, health monitor and Brain, as far as a client or the platform sees
them. So the platform can be seen at work without the application's image. It has no language model.
"""
