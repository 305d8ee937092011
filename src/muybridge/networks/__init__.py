"""Networks that two or more methods share; import the module that has what you need."""
