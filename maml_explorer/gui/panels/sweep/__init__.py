"""Panel of a sweep: a sweep folder on disk, running, ended or interrupted."""
