"""What happens around every request, also around those that reach no route."""
