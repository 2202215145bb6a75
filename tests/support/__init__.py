"""What the tests of several wings share."""
