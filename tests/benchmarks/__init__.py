"""How fast it is: ``python -m tests.benchmarks`` runs every ``bench_*.py`` here and prints one table."""
