"""Running a plan by several processes that share a study."""
