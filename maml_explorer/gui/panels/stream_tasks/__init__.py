"""The tab of further streams, each as small tables of errors."""
