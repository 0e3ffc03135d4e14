"""What is kept: tables, migrations, the database engine, photos by content."""
