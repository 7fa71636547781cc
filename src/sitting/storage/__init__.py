"""What is kept, and how it gets there: tables, unit of work, repositories, journal, hub, migrations."""
