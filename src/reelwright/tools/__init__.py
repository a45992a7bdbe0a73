"""Outside programs and services; foreign errors stop here and keep their evidence."""
