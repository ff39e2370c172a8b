"""Who may come in, and what they may do: users, roles, sign-in, API keys, the table of permissions, the trail."""
