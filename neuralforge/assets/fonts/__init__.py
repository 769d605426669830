"""Inter and JetBrains Mono, under the SIL Open Font License (OFL.txt)."""
