"""What training does by hand where torch's calls cost more than their arithmetic: the same mathematics, to rounding."""
