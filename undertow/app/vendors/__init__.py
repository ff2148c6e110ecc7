"""The vendors as a user has them: keys and hosts, what a plan includes, what is fetched from whom, and the work of fetching it."""
