"""Hardware: HLS projects and what can be said about their cost."""
