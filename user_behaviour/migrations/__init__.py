"""What the warehouse's tables should be, how they become that, and where they are not."""
