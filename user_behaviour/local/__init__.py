"""The embedded stack and the sample data of the local deployment; only `deployments` and the CLI import it."""
