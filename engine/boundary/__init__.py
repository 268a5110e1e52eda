"""The 2-D lab: decision boundaries of small networks and their tilt."""
