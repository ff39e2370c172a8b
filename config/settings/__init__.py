"""Settings: one small file for each concern, put together by the profiles local, test and production."""
