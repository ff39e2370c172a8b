"""Settings: one file for each concern, combined by the profiles local, test and production."""
