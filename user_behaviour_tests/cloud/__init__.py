"""What stands for AWS in the tests: moto as a real HTTP server, and what moto lacks."""
