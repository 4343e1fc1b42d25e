"""The task families of the suite, one file each."""
