"""Authentication and access: users, roles, sign-in, API keys, the permission table and the read trail."""
