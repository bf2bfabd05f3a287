"""A company's memory follows its traffic: roles, promotion and demotion."""
