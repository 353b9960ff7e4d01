"""The built-in workflows: data files, validated by the same code as a user's."""
